/**
 * Which parts of a tree a proof consists of. A tree of n leaves splits at the largest power of two below n (RFC 6962
 * section 2.1), so every part is a range of leaves that starts at a multiple of its own rounded-up size.
 * Sizes and indexes are safe integers; no 32-bit arithmetic, for a log outgrows it.
 */

/** The leaves `start` up to, but without, `end`. */
export interface LeafRange {
  start: number;
  end: number;
}

/** A complete subtree of 2^height leaves, the `index`-th of its height counted from the left. */
export interface Subtree {
  height: number;
  index: number;
}

/** The largest power of two below `size`, for size 2 and more. */
export function splitPoint(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}

/**
 * The ranges whose hashes make the inclusion proof of leaf `index` in the tree of `size` leaves, from the leaf's sibling
 * up to the root's child (PATH of RFC 6962 section 2.1.1).
 * @throws RangeError when the leaf is not in the tree
 */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  assertSize(size);
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new RangeError(`leaf ${index} is not in a tree of ${size}`);
  }
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  return ranges.reverse();
}

/**
 * The ranges whose hashes prove that the tree of `second` leaves begins with the tree of `first` leaves (PROOF of RFC 6962
 * section 2.1.2). Empty when `first` is 0 or equals `second`.
 * @throws RangeError when `first` is greater than `second`
 */
export function consistencyRanges(first: number, second: number): LeafRange[] {
  assertSize(first);
  assertSize(second);
  if (first > second) throw new RangeError(`a tree of ${second} does not begin with one of ${first}`);
  if (first === 0 || first === second) return [];
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = second;
  while (end !== first) {
    const middle = start + splitPoint(end - start);
    if (first <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  // The verifier has the first tree's root already when that tree is itself a complete left part of the second.
  if (start !== 0) ranges.push({ start, end });
  return ranges.reverse();
}

/** The complete subtrees that make up a range, from left to right; hashed from right to left they give the range's root. */
export function completeSubtrees(range: LeafRange): Subtree[] {
  const subtrees: Subtree[] = [];
  let start = range.start;
  while (start < range.end) {
    let height = 0;
    let width = 1;
    while (start % (width * 2) === 0 && start + width * 2 <= range.end) {
      width *= 2;
      height++;
    }
    subtrees.push({ height, index: start / width });
    start += width;
  }
  return subtrees;
}

/** @throws RangeError unless `size` is a natural number below 2^53 */
export function assertSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`${size} is not the size of a tree`);
}
