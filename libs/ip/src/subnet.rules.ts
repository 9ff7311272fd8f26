/** What a subnet's block must be, and which of its addresses interfaces may have (EC2's rules). */
import { type Address, addressOf, compareAddresses, formatAddress, type IpVersion } from './address.js';
import { nextFreeBlockOf } from './block-arithmetic.js';
import { type Cidr, cidrSize, containsAddress, containsCidr, formatCidr, lastAddress, listCidrs } from './cidr.js';
import { IpRuleError } from './ip-rule.error.js';
import { type BlockSizes, requireBlockSize, requireDisjoint } from './vpc-block.rules.js';

export const SUBNET_BLOCK_SIZES: Readonly<Record<IpVersion, BlockSizes>> = {
  4: { shortest: 16, longest: 28, step: 1 },
  6: { shortest: 44, longest: 64, step: 4 },
};

/**
 * Checks a subnet's block: its size, that one block of the VPC holds it whole, and that it is clear of other subnets.
 * @param siblings blocks of the VPC's other subnets, of either version
 * @throws IpRuleError; where there is room, `fix` names the lowest free block of that size
 */
export function requireSubnetBlock(block: Cidr, vpcBlocks: readonly Cidr[], siblings: readonly Cidr[] = []): void {
  requireBlockSize('subnet.block-size', 'a subnet', block, SUBNET_BLOCK_SIZES[block.version]);
  const parents = vpcBlocks.filter((parent) => parent.version === block.version);
  if (parents.length === 0) {
    throw new IpRuleError(
      'subnet.block-outside-vpc',
      `the VPC has no IPv${block.version} block`,
      `add an IPv${block.version} block to the VPC first`,
    );
  }
  if (!parents.some((parent) => containsCidr(parent, block))) {
    throw new IpRuleError(
      'subnet.block-outside-vpc',
      `${formatCidr(block)} is in no block of the VPC: ${listCidrs(parents)}`,
      freeBlockFix(parents, siblings, block.prefixLength),
    );
  }
  requireDisjoint('subnet.block-overlap', block, siblings, 'of another subnet', () =>
    freeBlockFix(parents, siblings, block.prefixLength),
  );
}

function freeBlockFix(parents: readonly Cidr[], taken: readonly Cidr[], prefixLength: number): string {
  const free = nextFreeBlockOf(parents, taken, prefixLength);
  return free
    ? `use ${formatCidr(free)}, which is free, or another block inside ${listCidrs(parents)}`
    : `no /${prefixLength} is free in ${listCidrs(parents)}: use a smaller block, or add a block to the VPC`;
}

/** What an address that interfaces cannot have is kept for. */
export type ReservedRole = 'network' | 'router' | 'dns' | 'spare' | 'broadcast' | 'last';

export interface ReservedAddress {
  readonly address: Address;
  readonly role: ReservedRole;
}

/** How many addresses a subnet keeps at its start: network, router, DNS, spare. One more is kept at its end. */
const RESERVED_AT_START = 4n;

/**
 * The addresses of a subnet that no interface can have, ascending: the first four and the last, as in EC2 for both
 * versions. IPv6 has no broadcast, so the last one is only called the last; its first is the subnet-router anycast
 * address (RFC 4291, 2.6.1).
 */
export function reservedAddresses(subnet: Cidr): ReservedAddress[] {
  requireSubnetSized(subnet);
  const atStart = (['network', 'router', 'dns', 'spare'] as const).map((role, index) => ({
    address: addressOf(subnet.version, subnet.first + BigInt(index)),
    role,
  }));
  return [...atStart, { address: lastAddress(subnet), role: subnet.version === 4 ? 'broadcast' : 'last' }];
}

/** How many addresses of a subnet interfaces can have. */
export function usableAddressCount(subnet: Cidr): bigint {
  requireSubnetSized(subnet);
  return cidrSize(subnet) - RESERVED_AT_START - 1n;
}

/**
 * Checks an address that an interface in the subnet asks for.
 * @param taken addresses of the subnet that other interfaces have
 * @throws IpRuleError; where there is room, `fix` names the lowest free address
 */
export function requireInterfaceAddress(subnet: Cidr, address: Address, taken: readonly Address[] = []): void {
  const reserved = reservedAddresses(subnet).find((one) => compareAddresses(one.address, address) === 0);
  const problem = !containsAddress(subnet, address)
    ? (['subnet.address-outside', `is not in the subnet's block ${formatCidr(subnet)}`] as const)
    : reserved
      ? (['subnet.address-reserved', `is reserved in ${formatCidr(subnet)} (${reserved.role})`] as const)
      : taken.some((one) => compareAddresses(one, address) === 0)
        ? (['subnet.address-taken', `is in use in ${formatCidr(subnet)}`] as const)
        : null;
  if (!problem) return;
  const free = nextFreeAddress(subnet, taken);
  throw new IpRuleError(
    problem[0],
    `${formatAddress(address)} ${problem[1]}`,
    free
      ? `use ${formatAddress(free)}, which is free, or leave the address out`
      : 'use another subnet: this one is full',
  );
}

/**
 * The lowest address that interfaces can have and that is not in `taken`, or null when the subnet is full. `taken` may
 * hold addresses from elsewhere.
 */
export function nextFreeAddress(subnet: Cidr, taken: Iterable<Address>): Address | null {
  requireSubnetSized(subnet);
  const values = new Set<bigint>();
  for (const { version, value } of taken) if (version === subnet.version) values.add(value);
  const last = lastAddress(subnet).value;
  for (let value = subnet.first + RESERVED_AT_START; value < last; value += 1n) {
    if (!values.has(value)) return { version: subnet.version, value };
  }
  return null;
}

/** Below eight addresses the reserved ones would overlap. Blocks that passed `requireSubnetBlock` are larger. */
function requireSubnetSized(subnet: Cidr): void {
  if (cidrSize(subnet) < 8n) throw new RangeError(`${formatCidr(subnet)} is too small to be a subnet`);
}
