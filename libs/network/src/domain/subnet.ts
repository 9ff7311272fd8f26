import { atPointer, formatCidr, nextFreeBlockOf, parseCidr, requireSubnetBlock } from '#ip';
import { InvalidInputError } from '#kernel';

export interface SubnetRequest {
  cidrBlock: string;
  ipv6CidrBlock?: string;
  zone: string;
}

/**
 * Checks a subnet against the blocks of its VPC and the zones there are. Overlap with other subnets is left to the
 * database, which alone sees those that are being added at the same time.
 * @throws InvalidInputError
 */
export function requireSubnetFits(request: SubnetRequest, vpcCidrs: readonly string[], zones: readonly string[]): void {
  const blocks = vpcCidrs.map((cidr) => parseCidr(cidr));
  requireBlock('/cidrBlock', request.cidrBlock, 4, blocks);
  if (request.ipv6CidrBlock !== undefined) requireBlock('/ipv6CidrBlock', request.ipv6CidrBlock, 6, blocks);
  if (!zones.includes(request.zone)) {
    throw new InvalidInputError([
      {
        pointer: '/zone',
        rule: 'zone.known',
        message: `there is no zone ${request.zone}`,
        fix: `use one of ${zones.join(', ')}`,
      },
    ]);
  }
}

function requireBlock(pointer: string, text: string, version: 4 | 6, blocks: ReturnType<typeof parseCidr>[]): void {
  atPointer(pointer, () => {
    const block = parseCidr(text);
    if (block.version !== version) {
      throw new InvalidInputError([
        {
          pointer,
          rule: 'ip.version',
          message: `${text} is not an IPv${version} block`,
          fix: `send an IPv${version} block`,
        },
      ]);
    }
    requireSubnetBlock(block, blocks);
  });
}

/** What to do instead of a block that overlaps a subnet of the VPC: the lowest free block of its size, where there is one. */
export function freeBlockFix(cidr: string, vpcCidrs: readonly string[], subnetCidrs: readonly string[]): string {
  const { version, prefixLength } = parseCidr(cidr);
  const parents = vpcCidrs.map((text) => parseCidr(text)).filter((block) => block.version === version);
  const taken = subnetCidrs.map((text) => parseCidr(text));
  const free = nextFreeBlockOf(parents, taken, prefixLength);
  return free
    ? `use ${formatCidr(free)}, which is free, or another block that overlaps no other subnet of the VPC`
    : `no /${prefixLength} is free in the VPC: use a smaller block, or add a block to the VPC`;
}
