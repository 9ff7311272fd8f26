/**
 * Cutting, joining and finding room among blocks. Everything works on sorted address ranges, so the cost is that of a
 * sort whatever the sizes of the blocks: a free /64 in a /44 is found without counting up to it.
 */
import { addressBits, addressOf, type IpVersion } from './address.js';
import { type Cidr, cidrOf, cidrSize, compareCidrs, formatCidr, lastAddress } from './cidr.js';
import { IpRuleError } from './ip-rule.error.js';

interface AddressRange {
  first: bigint;
  last: bigint;
}

/**
 * The blocks of `prefixLength` that make up `cidr`, in ascending order, made one at a time as they are asked for.
 * @throws IpRuleError when `prefixLength` is shorter than the block's own or longer than an address
 */
export function splitCidr(cidr: Cidr, prefixLength: number): Generator<Cidr, void, undefined> {
  const bits = addressBits(cidr.version);
  if (!Number.isInteger(prefixLength) || prefixLength < cidr.prefixLength || prefixLength > bits) {
    throw new IpRuleError(
      'ip.split',
      `${formatCidr(cidr)} cannot be split into blocks of /${prefixLength}`,
      `use a prefix length from ${cidr.prefixLength} to ${bits}`,
    );
  }
  return partsOf(cidr, prefixLength);
}

function* partsOf(cidr: Cidr, prefixLength: number): Generator<Cidr, void, undefined> {
  const step = 1n << BigInt(addressBits(cidr.version) - prefixLength);
  const last = lastAddress(cidr).value;
  for (let first = cidr.first; first <= last; first += step) yield { version: cidr.version, first, prefixLength };
}

/** The fewest blocks that hold exactly the addresses of `from` that are in none of `remove`; ascending. */
export function subtractCidrs(from: Cidr, remove: readonly Cidr[]): Cidr[] {
  const rest: Cidr[] = [];
  const last = lastAddress(from).value;
  let next = from.first;
  for (const taken of mergedRanges(from.version, remove)) {
    if (taken.last < next) continue;
    if (taken.first > last) break;
    if (taken.first > next) rest.push(...rangeCidrs(from.version, next, taken.first - 1n));
    next = taken.last + 1n;
  }
  if (next <= last) rest.push(...rangeCidrs(from.version, next, last));
  return rest;
}

/** The fewest blocks that hold exactly the addresses of `cidrs`, of both versions; ascending. */
export function summariseCidrs(cidrs: readonly Cidr[]): Cidr[] {
  return ([4, 6] as const).flatMap((version) =>
    mergedRanges(version, cidrs).flatMap(({ first, last }) => rangeCidrs(version, first, last)),
  );
}

/** The fewest blocks that hold exactly the addresses from `first` to `last`, both included; ascending. */
export function rangeCidrs(version: IpVersion, first: bigint, last: bigint): Cidr[] {
  const bits = addressBits(version);
  addressOf(version, last);
  const cidrs: Cidr[] = [];
  for (let next = addressOf(version, first).value; next <= last; ) {
    let prefixLength = bits;
    while (prefixLength > 0) {
      const size = 1n << BigInt(bits - prefixLength + 1);
      if (next % size !== 0n || next + size - 1n > last) break;
      prefixLength -= 1;
    }
    const cidr = cidrOf(version, next, prefixLength);
    cidrs.push(cidr);
    next += cidrSize(cidr);
  }
  return cidrs;
}

/**
 * The lowest block of `prefixLength` inside `parent` that overlaps none of `taken`, or null when there is none.
 * `taken` may be unsorted, overlap itself, and reach outside the parent.
 */
export function nextFreeBlock(parent: Cidr, taken: readonly Cidr[], prefixLength: number): Cidr | null {
  const bits = addressBits(parent.version);
  if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > bits) {
    throw new RangeError(`${prefixLength} is not a prefix length of IPv${parent.version}`);
  }
  if (prefixLength < parent.prefixLength) return null;
  const size = 1n << BigInt(bits - prefixLength);
  const last = lastAddress(parent).value;
  let first = parent.first;
  for (const range of mergedRanges(parent.version, taken)) {
    if (range.last < first) continue;
    if (range.first > first + size - 1n) break;
    first = (range.last / size + 1n) * size;
  }
  return first <= last ? { version: parent.version, first, prefixLength } : null;
}

/**
 * As `nextFreeBlock`, in the first parent that has room. The parents are tried in the given order, so that a VPC's
 * primary block or an operator's preferred pool is filled first. Parents of both versions cannot be mixed.
 */
export function nextFreeBlockOf(parents: readonly Cidr[], taken: readonly Cidr[], prefixLength: number): Cidr | null {
  if (parents.some((parent) => parent.version !== parents[0]?.version)) {
    throw new RangeError('a prefix length means nothing over parents of both IP versions');
  }
  for (const parent of parents) {
    const free = nextFreeBlock(parent, taken, prefixLength);
    if (free) return free;
  }
  return null;
}

/** The addresses of one version's blocks as ascending ranges that neither overlap nor touch. */
function mergedRanges(version: IpVersion, cidrs: readonly Cidr[]): AddressRange[] {
  const merged: AddressRange[] = [];
  for (const cidr of cidrs.filter((one) => one.version === version).sort(compareCidrs)) {
    const last = lastAddress(cidr).value;
    const previous = merged.at(-1);
    if (!previous || cidr.first > previous.last + 1n) merged.push({ first: cidr.first, last });
    else if (last > previous.last) previous.last = last;
  }
  return merged;
}
