import { atPointer, type Cidr, formatCidr, parseCidr, unroutableRangeOf } from '#ip';
import { ConflictError, InvalidInputError } from '#kernel';

/** `public` pools give elastic IPs; blocks of VPCs may come from `vpc` pools. */
export const POOL_PURPOSES = ['public', 'vpc'] as const;
export type PoolPurpose = (typeof POOL_PURPOSES)[number];

const POINTER = '/cidrBlock';

/** Prefix lengths from the largest range to the smallest. */
const SIZES: Record<PoolPurpose, Record<4 | 6, readonly [shortest: number, longest: number] | null>> = {
  public: { 4: [16, 32], 6: null },
  vpc: { 4: [8, 28], 6: [16, 60] },
};

/**
 * Checks the range of an operator's pool and gives its canonical form.
 * @throws InvalidInputError
 */
export function requirePoolRange(text: string, purpose: PoolPurpose): string {
  const range = atPointer(POINTER, () => parseCidr(text));
  const sizes = SIZES[purpose][range.version];
  if (!sizes) throw refusal('pool.ipv4', 'elastic IPs are IPv4', 'use an IPv4 range, or the purpose "vpc"');
  const [shortest, longest] = sizes;
  if (range.prefixLength < shortest || range.prefixLength > longest) {
    throw refusal(
      'pool.size',
      `/${range.prefixLength} is not a size of a ${purpose} pool: IPv${range.version} takes /${shortest} to /${longest}`,
      `split the range into blocks from /${shortest} to /${longest}`,
    );
  }
  requireRoutable(range);
  return formatCidr(range);
}

function requireRoutable(range: Cidr): void {
  const unroutable = unroutableRangeOf(range);
  if (!unroutable) return;
  throw refusal(
    'pool.unroutable',
    `${formatCidr(range)} overlaps ${formatCidr(unroutable.cidr)}, which is ${unroutable.name}`,
    'use a range that is routed to this cloud',
  );
}

function refusal(rule: string, message: string, fix: string): InvalidInputError {
  return new InvalidInputError([{ pointer: POINTER, rule, message, fix }]);
}

/** Two pools would give out one address twice. */
export class PoolOverlapError extends ConflictError {
  constructor(cidr: string, other = 'another address pool') {
    super('PoolOverlap', `${cidr} overlaps ${other}.`, {
      errors: [
        {
          pointer: POINTER,
          rule: 'pool.no-overlap',
          message: `it overlaps ${other}`,
          fix: 'use a range that overlaps no other pool',
        },
      ],
    });
  }
}

export class PoolNameTakenError extends ConflictError {
  constructor() {
    super('PoolNameTaken', 'Another address pool has this name.', {
      errors: [
        {
          pointer: '/name',
          rule: 'pool.name-unique',
          message: 'another address pool has this name',
          fix: 'choose another name',
        },
      ],
    });
  }
}
