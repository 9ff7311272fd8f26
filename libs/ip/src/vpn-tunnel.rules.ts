/** Addresses of a VPN connection: the /30 inside its tunnel, and the prefixes on the customer's side (EC2's rules). */
import { type Address, addressOf } from './address.js';
import { nextFreeBlock } from './block-arithmetic.js';
import { type Cidr, cidrOf, cidrsEqual, cidrsOverlap, containsCidr, formatCidr, listCidrs, parseCidr } from './cidr.js';
import { IpRuleError } from './ip-rule.error.js';
import { unroutableRangeOf } from './special-ranges.js';
import { requireDisjoint } from './vpc-block.rules.js';

const TUNNEL_RANGE = parseCidr('169.254.0.0/16');
const TUNNEL_PREFIX_LENGTH = 30;

/** Blocks that EC2 keeps for itself ("Tunnel options", inside tunnel IPv4 CIDR); the last one holds the metadata service. */
const RESERVED_TUNNEL_BLOCKS: readonly Cidr[] = [
  '169.254.0.0/30',
  '169.254.1.0/30',
  '169.254.2.0/30',
  '169.254.3.0/30',
  '169.254.4.0/30',
  '169.254.5.0/30',
  '169.254.169.252/30',
].map((text) => parseCidr(text));

/**
 * Checks the block inside a VPN tunnel.
 * @param taken blocks of the other tunnels of the same VPN gateway
 * @throws IpRuleError; where there is room, `fix` names the lowest free block
 */
export function requireTunnelBlock(block: Cidr, taken: readonly Cidr[] = []): void {
  const fail = (rule: string, message: string) => {
    const free = nextFreeTunnelBlock(taken);
    const fix = free
      ? `use ${formatCidr(free)}, which is free, or leave the block out`
      : 'delete an unused tunnel first';
    return new IpRuleError(rule, message, fix);
  };
  if (block.prefixLength !== TUNNEL_PREFIX_LENGTH || !containsCidr(TUNNEL_RANGE, block)) {
    throw fail('vpn.tunnel-range', `${formatCidr(block)} is not a /30 inside ${formatCidr(TUNNEL_RANGE)}`);
  }
  if (RESERVED_TUNNEL_BLOCKS.some((reserved) => cidrsEqual(reserved, block))) {
    throw fail('vpn.tunnel-reserved', `${formatCidr(block)} is reserved`);
  }
  if (taken.some((other) => cidrsOverlap(other, block))) {
    throw fail('vpn.tunnel-taken', `${formatCidr(block)} is in use by another tunnel of this VPN gateway`);
  }
}

/** The lowest tunnel block that is neither reserved nor taken, or null when the range is used up. */
export function nextFreeTunnelBlock(taken: readonly Cidr[]): Cidr | null {
  return nextFreeBlock(TUNNEL_RANGE, [...RESERVED_TUNNEL_BLOCKS, ...taken], TUNNEL_PREFIX_LENGTH);
}

/** The ends of a tunnel: the first usable address is the VPN gateway's, the second the customer gateway's. */
export function tunnelAddresses(block: Cidr): { vpnGateway: Address; customerGateway: Address } {
  const { version, first } = cidrOf(4, block.first, TUNNEL_PREFIX_LENGTH);
  return { vpnGateway: addressOf(version, first + 1n), customerGateway: addressOf(version, first + 2n) };
}

/**
 * Checks one prefix on the customer's side of a VPN connection or direct link.
 * @param vpcBlocks every block of the VPC; a prefix that contains one of them (a default route, too) overlaps it
 * @throws IpRuleError
 */
export function requireRemotePrefix(prefix: Cidr, vpcBlocks: readonly Cidr[]): void {
  const unroutable = unroutableRangeOf(prefix);
  if (unroutable && containsCidr(unroutable.cidr, prefix)) {
    throw new IpRuleError(
      'vpn.remote-prefix-unroutable',
      `${formatCidr(prefix)} is in ${formatCidr(unroutable.cidr)}, which is ${unroutable.name}`,
      'use a prefix of the network on the other side',
    );
  }
  requireDisjoint(
    'vpn.remote-prefix-overlap',
    prefix,
    vpcBlocks,
    'of the VPC',
    (overlapping) => `use a prefix that does not overlap ${listCidrs(overlapping)}`,
  );
}
