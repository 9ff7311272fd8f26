/** What a block of a VPC must be: the rules of EC2 (VPC user guide, "VPC CIDR blocks"), each named in its error. */
import type { IpVersion } from './address.js';
import { summariseCidrs } from './block-arithmetic.js';
import { type Cidr, cidrAround, cidrsOverlap, containsCidr, firstAddress, formatCidr, listCidrs } from './cidr.js';
import { IpRuleError } from './ip-rule.error.js';
import { PRIVATE_RANGES, unroutableRangeOf } from './special-ranges.js';

/** Prefix lengths that are allowed for a kind of block: every `step`-th from `shortest` to `longest`. */
export interface BlockSizes {
  readonly shortest: number;
  readonly longest: number;
  readonly step: number;
}

export const VPC_BLOCK_SIZES: Readonly<Record<IpVersion, BlockSizes>> = {
  4: { shortest: 16, longest: 28, step: 1 },
  6: { shortest: 44, longest: 60, step: 4 },
};

/**
 * Checks a block that a VPC is to have, whatever else the VPC has: its size, and that its range is private or of the
 * operator's pools. Blocks of several tenants may overlap; a pool keeps its own books.
 * @param poolRanges ranges of the operator's address pools that VPCs may use
 * @throws IpRuleError
 */
export function requireVpcBlock(block: Cidr, poolRanges: readonly Cidr[] = []): void {
  requireBlockSize('vpc.block-size', 'a VPC block', block, VPC_BLOCK_SIZES[block.version]);
  const allowed = allowedRanges(block.version, poolRanges);
  const unroutable = unroutableRangeOf(block);
  if (unroutable) {
    throw new IpRuleError(
      'vpc.block-unroutable',
      `${formatCidr(block)} overlaps ${formatCidr(unroutable.cidr)}, which is ${unroutable.name}`,
      `use a block inside ${listCidrs(allowed)}`,
    );
  }
  if (!allowed.some((range) => containsCidr(range, block))) {
    throw new IpRuleError(
      'vpc.block-range',
      `${formatCidr(block)} is neither private nor in an address pool of the operator`,
      `use a block inside ${listCidrs(allowed)}`,
    );
  }
}

/** What a further block of a VPC has to respect. */
export interface SecondaryBlockContext {
  /** Blocks the VPC has. */
  readonly blocks: readonly Cidr[];
  /** Destinations of the routes in the VPC's tables, local routes left out. */
  readonly routeDestinations: readonly Cidr[];
  /** Blocks of the VPCs that this one has an active peering with. */
  readonly peerBlocks: readonly Cidr[];
  /** As for `requireVpcBlock`. */
  readonly poolRanges?: readonly Cidr[];
}

/**
 * Checks a block that is to be added to an existing VPC. The new local route must not take over the destination of a
 * route that is there, so the block may lie inside such a destination but may not equal or contain it.
 * @throws IpRuleError
 */
export function requireSecondaryBlock(block: Cidr, context: SecondaryBlockContext): void {
  requireVpcBlock(block, context.poolRanges);
  requireDisjoint('vpc.block-overlap', block, context.blocks, 'of this VPC');
  requireDisjoint('vpc.block-overlaps-peer', block, context.peerBlocks, 'of a VPC with an active peering');
  const covered = context.routeDestinations.filter((destination) => containsCidr(block, destination));
  if (covered.length > 0) {
    throw new IpRuleError(
      'vpc.block-covers-route',
      `${formatCidr(block)} equals or contains the destination of an existing route: ${listCidrs(covered)}`,
      'delete these routes first, or use a block that contains none of their destinations',
    );
  }
}

/**
 * Refuses a block that shares an address with one of `others`.
 * @param whose completes "... overlaps 10.0.0.0/16 "
 * @param fix what to do instead, from those that overlap, where the caller knows better than to name them again
 * @throws IpRuleError
 */
export function requireDisjoint(
  rule: string,
  block: Cidr,
  others: readonly Cidr[],
  whose: string,
  fix = (overlapping: readonly Cidr[]) => `use a block that does not overlap ${listCidrs(overlapping)}`,
): void {
  const overlapping = others.filter((other) => cidrsOverlap(other, block));
  if (overlapping.length === 0) return;
  throw new IpRuleError(rule, `${formatCidr(block)} overlaps ${listCidrs(overlapping)} ${whose}`, fix(overlapping));
}

/** Refuses a block of a size that is not allowed; the fix names the nearest allowed block. */
export function requireBlockSize(rule: string, what: string, block: Cidr, sizes: BlockSizes): void {
  const { shortest, longest, step } = sizes;
  const length = block.prefixLength;
  if (length >= shortest && length <= longest && (length - shortest) % step === 0) return;
  const clamped = Math.min(Math.max(length, shortest), longest);
  const nearest = clamped - ((clamped - shortest) % step);
  throw new IpRuleError(
    rule,
    `/${length} is not a size of ${what}: IPv${block.version} takes /${shortest} to /${longest}${step > 1 ? ` in steps of ${step}` : ''}`,
    `use ${formatCidr(cidrAround(firstAddress(block), nearest))}, or another block of an allowed size`,
  );
}

function allowedRanges(version: IpVersion, poolRanges: readonly Cidr[]): Cidr[] {
  return summariseCidrs([...PRIVATE_RANGES, ...poolRanges].filter((range) => range.version === version));
}
