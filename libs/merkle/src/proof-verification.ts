import { equalBytes } from './bytes.js';
import { HASH_BYTES, type TreeHasher } from './tree-hasher.js';

/**
 * The verifying halves of the proofs, after the algorithms of RFC 9162 sections 2.1.3.2 and 2.1.4.2. They hold true for
 * hostile input: a wrong length, a surplus hash or an impossible index gives `false` and never an exception.
 */

export interface InclusionClaim {
  /** The leaf's index, from 0. */
  index: number;
  /** The tree's number of leaves. */
  size: number;
  leafHash: Uint8Array;
  proof: readonly Uint8Array[];
  root: Uint8Array;
}

export interface ConsistencyClaim {
  first: number;
  second: number;
  firstRoot: Uint8Array;
  secondRoot: Uint8Array;
  proof: readonly Uint8Array[];
}

/** Whether the leaf is at `index` in the tree of `size` leaves with this root. */
export function verifyInclusion(hasher: TreeHasher, claim: InclusionClaim): boolean {
  const { index, size, leafHash, proof, root } = claim;
  if (!isNatural(index) || !isNatural(size) || index >= size) return false;
  if (!areHashes([leafHash, root, ...proof])) return false;
  let node = index;
  let last = size - 1;
  let hash = leafHash;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      hash = hasher.node(sibling, hash);
      while (!isOdd(node) && node !== 0) {
        node = halve(node);
        last = halve(last);
      }
    } else {
      hash = hasher.node(hash, sibling);
    }
    node = halve(node);
    last = halve(last);
  }
  return last === 0 && equalBytes(hash, root);
}

/** Whether the tree of `second` leaves begins with exactly the leaves of the tree of `first` leaves. */
export function verifyConsistency(hasher: TreeHasher, claim: ConsistencyClaim): boolean {
  const { first, second, firstRoot, secondRoot, proof } = claim;
  if (!isNatural(first) || !isNatural(second) || first > second) return false;
  if (!areHashes([firstRoot, secondRoot, ...proof])) return false;
  if (first === second) return proof.length === 0 && equalBytes(firstRoot, secondRoot);
  if (first === 0) return proof.length === 0 && equalBytes(firstRoot, hasher.emptyRoot);
  const path = isPowerOfTwo(first) ? [firstRoot, ...proof] : proof;
  const seed = path[0];
  if (!seed) return false;
  let node = first - 1;
  let last = second - 1;
  while (isOdd(node)) {
    node = halve(node);
    last = halve(last);
  }
  let firstHash = seed;
  let secondHash = seed;
  for (const sibling of path.slice(1)) {
    if (last === 0) return false;
    if (isOdd(node) || node === last) {
      firstHash = hasher.node(sibling, firstHash);
      secondHash = hasher.node(sibling, secondHash);
      while (!isOdd(node) && node !== 0) {
        node = halve(node);
        last = halve(last);
      }
    } else {
      secondHash = hasher.node(secondHash, sibling);
    }
    node = halve(node);
    last = halve(last);
  }
  return last === 0 && equalBytes(firstHash, firstRoot) && equalBytes(secondHash, secondRoot);
}

function isNatural(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function areHashes(values: readonly Uint8Array[]): boolean {
  return values.every((value) => value.length === HASH_BYTES);
}

function isOdd(value: number): boolean {
  return value % 2 === 1;
}

function halve(value: number): number {
  return Math.floor(value / 2);
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value)) && 2 ** Math.round(Math.log2(value)) === value;
}
