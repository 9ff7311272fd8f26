import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { TreeHasher } from '#merkle';
import { ReedSolomon } from './reed-solomon.js';
import {
  BLOCK_BYTES,
  blockCount,
  blockHashes,
  blockProof,
  blockRange,
  shardRoot,
  shardRoots,
  verifyBlock,
} from './shard-tree.js';

const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
const hasher = new TreeHasher((data) => sha256(data));

/** MTH of RFC 6962 section 2.1, over the blocks themselves. */
function textbookRoot(blocks: Uint8Array[]): Uint8Array {
  if (blocks.length === 0) return sha256();
  if (blocks.length === 1) return sha256(Uint8Array.of(0), blocks[0]!);
  let split = 1;
  while (split * 2 < blocks.length) split *= 2;
  return sha256(Uint8Array.of(1), textbookRoot(blocks.slice(0, split)), textbookRoot(blocks.slice(split)));
}

function blocksOf(shard: Uint8Array): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < shard.length; at += BLOCK_BYTES) blocks.push(shard.subarray(at, at + BLOCK_BYTES));
  return blocks;
}

function shardOf(length: number, salt = 0): Uint8Array {
  const shard = new Uint8Array(length);
  for (let at = 0; at < length; at++) shard[at] = Math.imul(at + salt, 2_654_435_761) >>> 24;
  return shard;
}

/** Lengths around the edges of blocks: empty, one byte, odd, and one less and more than whole blocks. */
const shardLength = fc.oneof(
  fc.constantFrom(0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1),
  fc.integer({ min: 0, max: 9 * BLOCK_BYTES }),
);

describe('the tree of a shard', () => {
  it('has the root of RFC 6962', () => {
    fc.assert(
      fc.property(shardLength, (length) => {
        const shard = shardOf(length);
        expect(shardRoot(hasher, shard)).toEqual(textbookRoot(blocksOf(shard)));
      }),
      { numRuns: 40 },
    );
  });

  it('proves each of its blocks, and nothing else', () => {
    fc.assert(
      fc.property(shardLength, fc.nat(), fc.nat(), (length, pick, flip) => {
        fc.pre(length > 0);
        const shard = shardOf(length);
        const root = shardRoot(hasher, shard);
        const hashes = blockHashes(hasher, shard);
        const index = pick % blockCount(length);
        const { start, end } = blockRange(length, index);
        const block = shard.slice(start, end);
        const proof = blockProof(hasher, hashes, index);
        const claim = { root, shardBytes: length, index, block, proof };
        expect(verifyBlock(hasher, claim)).toBe(true);

        const damaged = block.slice();
        damaged[flip % damaged.length]! ^= 1 << (flip % 8);
        expect(verifyBlock(hasher, { ...claim, block: damaged })).toBe(false);
        expect(verifyBlock(hasher, { ...claim, block: block.subarray(1) })).toBe(false);
        expect(verifyBlock(hasher, { ...claim, index: index + 1 })).toBe(false);
        expect(verifyBlock(hasher, { ...claim, index: -1 })).toBe(false);
        expect(verifyBlock(hasher, { ...claim, index: 0.5 })).toBe(false);
        expect(verifyBlock(hasher, { ...claim, proof: [...proof, root] })).toBe(false);
        expect(verifyBlock(hasher, { ...claim, proof: [...proof, root.subarray(1)] })).toBe(false);
        expect(verifyBlock(hasher, { ...claim, root: sha256(root) })).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it('has no blocks when the shard is empty', () => {
    expect(blockCount(0)).toBe(0);
    expect(shardRoot(hasher, new Uint8Array(0))).toEqual(sha256());
    const claim = { root: sha256(), shardBytes: 0, index: 0, block: new Uint8Array(0), proof: [] };
    expect(verifyBlock(hasher, claim)).toBe(false);
    expect(() => blockProof(hasher, new Uint8Array(0), 0)).toThrow(RangeError);
    expect(() => blockRange(10, 1)).toThrow(RangeError);
  });

  it('refuses a block of the wrong length even when whoever made the root had cut the shard that way', () => {
    const block = shardOf(10);
    const claim = { root: hasher.leaf(block), shardBytes: 10, index: 0, block, proof: [] };
    expect(verifyBlock(hasher, claim)).toBe(true);
    expect(verifyBlock(hasher, { ...claim, shardBytes: 11 })).toBe(false);
  });

  it('finds any damaged bit of any shard of a segment', () => {
    const code = new ReedSolomon({ dataShards: 4, parityShards: 2 });
    const shards = code.encode(shardOf(700_001));
    const roots = shardRoots(hasher, shards);
    fc.assert(
      fc.property(fc.nat({ max: 5 }), fc.nat(), fc.nat({ max: 7 }), (index, at, bit) => {
        const damaged = shards.map((shard) => shard.slice());
        damaged[index]![at % damaged[index]!.length]! ^= 1 << bit;
        const wrong = shardRoots(hasher, damaged).flatMap((root, i) =>
          Buffer.compare(root, roots[i]!) === 0 ? [] : [i],
        );
        expect(wrong).toEqual([index]);
      }),
      { numRuns: 20 },
    );
  });
});
