import { HASH_BYTES, inclusionRanges, type LeafRange, splitPoint, type TreeHasher, verifyInclusion } from '#merkle';

/**
 * The Merkle tree of one shard: its leaves are the shard's blocks of 64 KiB (the last may be shorter), hashed as in
 * RFC 6962. Its root is in the manifest, so that a random block, read with a ranged read and without any key, can be
 * checked against what the tenant signed.
 */
export const BLOCK_BYTES = 65_536;

/** The number of blocks of a shard; an empty shard has none, and the root of the empty tree. */
export function blockCount(shardBytes: number): number {
  if (!Number.isSafeInteger(shardBytes) || shardBytes < 0)
    throw new RangeError(`${shardBytes} is not a shard's length`);
  return Math.ceil(shardBytes / BLOCK_BYTES);
}

/** Where a block lies in its shard: bytes `start` up to, but without, `end`. @throws RangeError when there is none such */
export function blockRange(shardBytes: number, index: number): { start: number; end: number } {
  if (!Number.isInteger(index) || index < 0 || index >= blockCount(shardBytes)) {
    throw new RangeError(`there is no block ${index} in a shard of ${shardBytes} bytes`);
  }
  const start = index * BLOCK_BYTES;
  return { start, end: Math.min(start + BLOCK_BYTES, shardBytes) };
}

/**
 * The leaf hashes of a shard's blocks, one after the other: 32 bytes for each 64 KiB. Who keeps them can prove a block
 * (`blockProof`) without reading the others.
 */
export function blockHashes(hasher: TreeHasher, shard: Uint8Array): Uint8Array {
  const count = blockCount(shard.length);
  const hashes = new Uint8Array(count * HASH_BYTES);
  const leaf = new Uint8Array(1 + Math.min(BLOCK_BYTES, shard.length));
  for (let index = 0; index < count; index++) {
    const { start, end } = blockRange(shard.length, index);
    leaf.set(shard.subarray(start, end), 1);
    hashes.set(hasher.sha256(leaf.subarray(0, 1 + end - start)), index * HASH_BYTES);
  }
  return hashes;
}

/** The root over leaf hashes as `blockHashes` gives them. */
export function rootOfBlocks(hasher: TreeHasher, hashes: Uint8Array): Uint8Array {
  return hashes.length === 0 ? hasher.emptyRoot : hashOfRange(hasher, hashes, { start: 0, end: leafCount(hashes) });
}

/** The root of a shard's tree: 32 bytes. */
export function shardRoot(hasher: TreeHasher, shard: Uint8Array): Uint8Array {
  return rootOfBlocks(hasher, blockHashes(hasher, shard));
}

/** The roots of all shards of a segment, in their order. */
export function shardRoots(hasher: TreeHasher, shards: readonly Uint8Array[]): Uint8Array[] {
  return shards.map((shard) => shardRoot(hasher, shard));
}

/** The Merkle path of one block, from its sibling up, out of the shard's leaf hashes. @throws RangeError when there is no such block */
export function blockProof(hasher: TreeHasher, hashes: Uint8Array, index: number): Uint8Array[] {
  return inclusionRanges(index, leafCount(hashes)).map((range) => hashOfRange(hasher, hashes, range));
}

export interface BlockClaim {
  /** The root that the manifest has for the shard. */
  root: Uint8Array;
  /** The shard's length, which follows from the manifest and never from who answers the challenge. */
  shardBytes: number;
  index: number;
  block: Uint8Array;
  proof: readonly Uint8Array[];
}

/** Whether these bytes are block `index` of the shard with this root. False, never an exception, for any hostile answer. */
export function verifyBlock(hasher: TreeHasher, { root, shardBytes, index, block, proof }: BlockClaim): boolean {
  if (!Number.isInteger(index) || index < 0 || index >= blockCount(shardBytes)) return false;
  const { start, end } = blockRange(shardBytes, index);
  if (block.length !== end - start) return false;
  return verifyInclusion(hasher, { index, size: blockCount(shardBytes), leafHash: hasher.leaf(block), proof, root });
}

function leafCount(hashes: Uint8Array): number {
  if (hashes.length % HASH_BYTES !== 0) throw new RangeError(`${hashes.length} bytes are not a row of hashes`);
  return hashes.length / HASH_BYTES;
}

function hashOfRange(hasher: TreeHasher, hashes: Uint8Array, { start, end }: LeafRange): Uint8Array {
  if (end - start === 1) return hashes.slice(start * HASH_BYTES, end * HASH_BYTES);
  const middle = start + splitPoint(end - start);
  return hasher.node(
    hashOfRange(hasher, hashes, { start, end: middle }),
    hashOfRange(hasher, hashes, { start: middle, end }),
  );
}
