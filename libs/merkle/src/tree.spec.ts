import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import {
  fromHex,
  hashesAtLevel,
  InnerHashes,
  type Tile,
  TileTree,
  TreeAppender,
  TreeHasher,
  tilesOfTree,
  toHex,
  verifyConsistency,
  verifyInclusion,
} from './index.js';

interface Vectors {
  emptyRoot: string;
  leafHashes: { entry: string; hash: string }[];
  leaves: string[];
  roots: string[];
  inclusion: { index: number; size: number; proof: string[] }[];
  consistency: { first: number; second: number; proof: string[] }[];
}
const vectors: Vectors = JSON.parse(readFileSync(new URL('./test-vectors/rfc6962.json', import.meta.url), 'utf8'));
const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(data).digest());
const hasher = new TreeHasher(sha256);

/** The recursive definitions of RFC 6962 section 2.1, written down as they stand: slow, and independent of the library. */
const oracle = {
  root(entries: Uint8Array[]): Uint8Array {
    if (entries.length === 0) return sha256(new Uint8Array(0));
    if (entries.length === 1) return sha256(Buffer.concat([Uint8Array.of(0), entries[0]!]));
    const k = oracle.split(entries.length);
    return sha256(Buffer.concat([Uint8Array.of(1), oracle.root(entries.slice(0, k)), oracle.root(entries.slice(k))]));
  },
  split(n: number): number {
    return 2 ** (Math.ceil(Math.log2(n)) - 1);
  },
  path(m: number, entries: Uint8Array[]): Uint8Array[] {
    if (entries.length === 1) return [];
    const k = oracle.split(entries.length);
    return m < k
      ? [...oracle.path(m, entries.slice(0, k)), oracle.root(entries.slice(k))]
      : [...oracle.path(m - k, entries.slice(k)), oracle.root(entries.slice(0, k))];
  },
  subproof(m: number, entries: Uint8Array[], complete: boolean): Uint8Array[] {
    if (m === entries.length) return complete ? [] : [oracle.root(entries)];
    const k = oracle.split(entries.length);
    return m <= k
      ? [...oracle.subproof(m, entries.slice(0, k), complete), oracle.root(entries.slice(k))]
      : [...oracle.subproof(m - k, entries.slice(k), false), oracle.root(entries.slice(0, k))];
  },
};

const numbered = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, index) => Uint8Array.of(index & 255, index >> 8, 7));

/** The tiles of a tree as a log would store them: one row a tile, the widest it has been. */
class TileStore {
  readonly rows = new Map<string, Uint8Array>();
  readonly read = (tile: Tile): Uint8Array => this.rows.get(`${tile.level}/${tile.index}`)!;
  constructor(
    readonly appender: TreeAppender,
    batches: Uint8Array[][] = [],
  ) {
    for (const batch of batches) this.append(batch);
  }
  append(entries: Uint8Array[]): void {
    for (const tile of this.appender.append(entries.map((entry) => hasher.leaf(entry)))) {
      this.rows.set(`${tile.level}/${tile.index}`, tile.hashes);
      expect(tile.hashes).toHaveLength(tile.width * 32);
    }
  }
  get tree(): TileTree {
    return new TileTree(hasher, this.appender.size, this.read);
  }
}
const storeOf = (entries: Uint8Array[]) => new TileStore(TreeAppender.empty(hasher), [entries]);

const hex = (hashes: Uint8Array[]) => hashes.map(toHex);

describe('the published RFC 6962 vectors', () => {
  const leaves: Uint8Array[] = vectors.leaves.map((leaf) => fromHex(leaf));

  it('give the leaf hashes and the roots', async () => {
    expect(toHex(hasher.emptyRoot)).toBe(vectors.emptyRoot);
    for (const { entry, hash } of vectors.leafHashes) expect(toHex(hasher.leaf(fromHex(entry)))).toBe(hash);
    const store = storeOf(leaves);
    for (const [at, root] of vectors.roots.entries()) expect(toHex(await store.tree.root(at + 1))).toBe(root);
  });

  it.each(vectors.inclusion)('give the inclusion proof of leaf $index in $size', async ({ index, size, proof }) => {
    expect(hex(await storeOf(leaves).tree.inclusionProof(index, size))).toEqual(proof);
    const leafHash = hasher.leaf(leaves[index]!);
    const root = fromHex(vectors.roots[size - 1]!);
    expect(verifyInclusion(hasher, { index, size, leafHash, root, proof: proof.map((hash) => fromHex(hash)) })).toBe(
      true,
    );
  });

  it.each(vectors.consistency)('give the consistency proof $first to $second', async ({ first, second, proof }) => {
    expect(hex(await storeOf(leaves).tree.consistencyProof(first, second))).toEqual(proof);
    const firstRoot = fromHex(vectors.roots[first - 1]!);
    const secondRoot = fromHex(vectors.roots[second - 1]!);
    const claim = { first, second, firstRoot, secondRoot, proof: proof.map((hash) => fromHex(hash)) };
    expect(verifyConsistency(hasher, claim)).toBe(true);
  });
});

describe('a tree grown in batches', () => {
  it('has the root, tiles and proofs of the recursive definition', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.nat(),
        async (batchSizes, a, b) => {
          const store = new TileStore(TreeAppender.empty(hasher));
          const entries: Uint8Array[] = [];
          for (const size of batchSizes) {
            const batch = numbered(entries.length + size).slice(entries.length);
            entries.push(...batch);
            store.append(batch);
            expect(toHex(store.appender.root())).toBe(toHex(oracle.root(entries)));
          }
          expect([...tilesOfTree(entries.length)].map(({ level, index }) => `${level}/${index}`).sort()).toEqual(
            [...store.rows.keys()].sort(),
          );
          for (const tile of tilesOfTree(entries.length)) {
            expect(store.rows.get(`${tile.level}/${tile.index}`)).toHaveLength(tile.width * 32);
            const span = 256 ** tile.level;
            const first = tile.index * 256 * span;
            expect(toHex(store.read(tile).subarray(0, 32))).toBe(
              toHex(oracle.root(entries.slice(first, first + span))),
            );
          }
          if (entries.length === 0) return;
          const size = 1 + (a % entries.length);
          const index = b % size;
          const root = await store.tree.root(size);
          const proof = await store.tree.inclusionProof(index, size);
          expect(hex(proof)).toEqual(hex(oracle.path(index, entries.slice(0, size))));
          expect(
            verifyInclusion(hasher, { index, size, leafHash: await store.tree.leafHash(index), proof, root }),
          ).toBe(true);
          const first = 1 + (b % size);
          const consistency = await store.tree.consistencyProof(first, size);
          expect(hex(consistency)).toEqual(hex(oracle.subproof(first, entries.slice(0, size), true)));
          const firstRoot = oracle.root(entries.slice(0, first));
          const claim = { first, second: size, firstRoot, secondRoot: root, proof: consistency };
          expect(verifyConsistency(hasher, claim)).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('gives the same proofs with inner hashes kept from earlier ones, also after a tile was changed', async () => {
    const inner = new InnerHashes(hasher, 2);
    const store = new TileStore(TreeAppender.empty(hasher));
    const kept = () => new TileTree(hasher, store.appender.size, store.read, inner);
    for (const size of [700, 66_000, 66_001, 67_000]) {
      store.append(numbered(size).slice(store.appender.size));
      for (const index of [0, 255, 256, 65_535, size - 1].filter((one) => one < size)) {
        expect(hex(await kept().inclusionProof(index))).toEqual(hex(await store.tree.inclusionProof(index)));
        expect(hex(await kept().consistencyProof(index + 1))).toEqual(
          hex(await store.tree.consistencyProof(index + 1)),
        );
      }
      expect(toHex(await kept().root())).toBe(toHex(store.appender.root()));
    }
    const changed = store.rows.get('1/0')!.slice();
    changed[0]! ^= 1;
    const before = hex(await kept().inclusionProof(300));
    store.rows.set('1/0', changed);
    expect(hex(await kept().inclusionProof(300))).toEqual(hex(await store.tree.inclusionProof(300)));
    expect(hex(await kept().inclusionProof(300))).not.toEqual(before);
  });

  it('crosses three levels of tiles and goes on from its stored tiles', async () => {
    const size = 256 * 256 + 300;
    const whole = TreeAppender.empty(hasher);
    const store = new TileStore(TreeAppender.empty(hasher));
    const hashes = numbered(size).map((entry) => hasher.leaf(entry));
    whole.append(hashes);
    store.append(numbered(70_000 - 5_000));
    const resumed = new TileStore(await TreeAppender.load(hasher, 65_000, store.read));
    for (const [key, row] of store.rows) resumed.rows.set(key, row);
    resumed.append(numbered(size).slice(65_000));
    expect(resumed.appender.size).toBe(size);
    expect(toHex(resumed.appender.root())).toBe(toHex(whole.root()));
    expect(toHex(await resumed.tree.root())).toBe(toHex(whole.root()));
    expect([...resumed.rows.keys()].filter((key) => key.startsWith('2/'))).toEqual(['2/0']);
    expect(hashesAtLevel(2, size)).toBe(1);
  });

  it('can be tried on a copy without moving', () => {
    const appender = TreeAppender.empty(hasher);
    appender.append(numbered(300).map((entry) => hasher.leaf(entry)));
    const before = toHex(appender.root());
    appender.clone().append([hasher.leaf(Uint8Array.of(1))]);
    expect([appender.size, toHex(appender.root())]).toEqual([300, before]);
  });

  it('appends 50,000 leaves a second and more', () => {
    const hashes = numbered(20_000).map((entry) => hasher.leaf(entry));
    const appender = TreeAppender.empty(hasher);
    const start = performance.now();
    for (let at = 0; at < hashes.length; at += 256) appender.append(hashes.slice(at, at + 256));
    const perSecond = Math.round((hashes.length / (performance.now() - start)) * 1000);
    // A broken build is an order of magnitude slower; the shared machine is not what is tested.
    expect(perSecond).toBeGreaterThan(10_000);
  });
});

describe('the verifiers', () => {
  const entries = numbered(600);
  const { tree } = storeOf(entries);
  const change = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at % bytes.length ? byte ^ 1 : byte));

  it('refuse an inclusion proof with anything changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 600 }), fc.nat(), fc.nat(), async (size, a, b) => {
        const index = a % size;
        const proof = await tree.inclusionProof(index, size);
        const claim = { index, size, leafHash: hasher.leaf(entries[index]!), proof, root: await tree.root(size) };
        const at = b % proof.length;
        const changed = proof.map((hash, i) => (i === at ? change(hash, b) : hash));
        const forged = [
          { ...claim, index: index + 1 },
          { ...claim, index: index - 1 },
          { ...claim, index: index + 0.5 },
          { ...claim, index: Number.NaN },
          { ...claim, size: size * 2 },
          { ...claim, leafHash: change(claim.leafHash, b) },
          { ...claim, leafHash: claim.leafHash.slice(1) },
          { ...claim, root: change(claim.root, b) },
          { ...claim, root: hasher.emptyRoot },
          { ...claim, proof: changed },
          { ...claim, proof: proof.slice(1) },
          { ...claim, proof: proof.slice(0, -1) },
          { ...claim, proof: [...proof, claim.root] },
          { ...claim, proof: [claim.root, ...proof] },
          { ...claim, proof: [...proof, new Uint8Array(0)] },
        ];
        expect(verifyInclusion(hasher, claim)).toBe(true);
        for (const forgery of forged) expect(verifyInclusion(hasher, forgery)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it('refuse a consistency proof with anything changed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 600 }), fc.nat(), fc.nat(), async (second, a, b) => {
        const first = 1 + (a % (second - 1));
        const proof = await tree.consistencyProof(first, second);
        const [firstRoot, secondRoot] = [await tree.root(first), await tree.root(second)];
        const claim = { first, second, firstRoot, secondRoot, proof };
        const at = b % proof.length;
        const changed = proof.map((hash, i) => (i === at ? change(hash, b) : hash));
        const forged = [
          { ...claim, first: 0 },
          { ...claim, first: second },
          { ...claim, first: second + 1 },
          { ...claim, second: first },
          { ...claim, firstRoot: change(firstRoot, b) },
          { ...claim, secondRoot: change(secondRoot, b) },
          { ...claim, firstRoot: secondRoot, secondRoot: firstRoot },
          { ...claim, proof: [] },
          { ...claim, proof: changed },
          { ...claim, proof: proof.slice(0, -1) },
          { ...claim, proof: [...proof, firstRoot] },
          { ...claim, proof: [firstRoot, ...proof] },
        ];
        expect(verifyConsistency(hasher, claim)).toBe(true);
        for (const forgery of forged) expect(verifyConsistency(hasher, forgery)).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it('accept the empty tree as the beginning of every tree, with its own root and no proof', async () => {
    const secondRoot = await tree.root(9);
    const claim = { first: 0, second: 9, firstRoot: hasher.emptyRoot, secondRoot, proof: [] };
    expect(verifyConsistency(hasher, claim)).toBe(true);
    expect(verifyConsistency(hasher, { ...claim, firstRoot: secondRoot })).toBe(false);
    expect(verifyConsistency(hasher, { ...claim, proof: [secondRoot] })).toBe(false);
    expect(verifyInclusion(hasher, { index: 0, size: 0, leafHash: secondRoot, root: secondRoot, proof: [] })).toBe(
      false,
    );
  });
});
