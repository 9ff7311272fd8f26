import {
  atPointer,
  type Cidr,
  cidrsOverlap,
  containsCidr,
  formatCidr,
  nextFreeBlockOf,
  PRIVATE_RANGES,
  parseCidr,
  requireSecondaryBlock,
  requireVpcBlock,
} from '#ip';
import { InvalidInputError } from '#kernel';
import { CidrBlockOverlapError } from './cidr-block.errors.js';
import { requireOutsideRemotePrefixes } from './vpn-connection.js';

/** Whether any VPC may use the block, without a pool of the operator. */
export function isPrivateCidr(text: string): boolean {
  const block = parseCidr(text);
  return PRIVATE_RANGES.some((range) => containsCidr(range, block));
}

/**
 * Checks one block that a VPC asks for, whatever else the VPC has, and gives its canonical form.
 * @throws InvalidInputError of the field at `pointer`
 */
export function requireVpcCidr(pointer: string, text: string, version: 4 | 6, poolRanges: readonly Cidr[] = []): Cidr {
  return atPointer(pointer, () => {
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
    requireVpcBlock(block, poolRanges);
    return block;
  });
}

export interface SecondaryCidrContext {
  /** The VPC's live blocks. */
  blocks: readonly string[];
  /** Destinations of the static routes in the VPC's tables. */
  routeDestinations: readonly string[];
  /** Prefixes behind the customers' gateways of its VPN connections. */
  remotePrefixes: readonly string[];
  poolRanges: readonly Cidr[];
}

/**
 * Checks a block that an existing VPC is to have as well, of either IP version, and gives its canonical form.
 * @throws InvalidInputError; CidrBlockOverlapError, which names the lowest free block of that size
 */
export function requireSecondaryCidr(text: string, context: SecondaryCidrContext): string {
  const pointer = '/cidrBlock';
  const block = atPointer(pointer, () => parseCidr(text));
  const blocks = context.blocks.map((cidr) => parseCidr(cidr));
  const routeDestinations = context.routeDestinations.map((cidr) => parseCidr(cidr));
  const remotePrefixes = context.remotePrefixes.map((cidr) => parseCidr(cidr));
  if (blocks.some((other) => cidrsOverlap(other, block))) {
    // A destination around the new block does no harm; one inside it does.
    const inside = routeDestinations.filter((destination) => destination.prefixLength >= block.prefixLength);
    const ranges = [...PRIVATE_RANGES, ...context.poolRanges].filter((range) => containsCidr(range, block));
    const free = nextFreeBlockOf(ranges, [...blocks, ...inside, ...remotePrefixes], block.prefixLength);
    throw new CidrBlockOverlapError(
      formatCidr(block),
      free ? `use ${formatCidr(free)}, which is free, or another block that overlaps none of the VPC` : undefined,
    );
  }
  atPointer(pointer, () =>
    requireSecondaryBlock(block, { blocks, routeDestinations, peerBlocks: [], poolRanges: context.poolRanges }),
  );
  requireOutsideRemotePrefixes(pointer, formatCidr(block), context.remotePrefixes);
  return formatCidr(block);
}
