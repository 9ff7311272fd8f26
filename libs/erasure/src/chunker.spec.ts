import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { Chunker, type ChunkSizes, DEFAULT_CHUNK_SIZES } from './chunker.js';
import { type GearTable, gearTable } from './gear-table.js';

const sha256 = (data: Uint8Array) => new Uint8Array(createHash('sha256').update(data).digest());
const seedOf = (byte: number) => new Uint8Array(32).fill(byte);
const GEAR = gearTable(seedOf(7), sha256);
const SMALL: ChunkSizes = { min: 64, average: 256, max: 1024 };

/** Reproducible bytes: SHA-256 in counter mode would be slow for megabytes, so xorshift32. */
function noise(length: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed | 1;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

function cut(data: Uint8Array, gear: GearTable, sizes: ChunkSizes, pieces: readonly number[] = []): Uint8Array[] {
  const chunker = new Chunker(gear, sizes);
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const piece of [...pieces, data.length]) {
    chunks.push(...chunker.push(data.slice(at, at + piece)));
    at = Math.min(at + piece, data.length);
  }
  const last = chunker.finish();
  return last ? [...chunks, last] : chunks;
}

const lengths = (chunks: Uint8Array[]) => chunks.map((chunk) => chunk.length);

/** The definition, word for word: at each length the hash is made anew from the last 32 bytes, in exact integers. */
function lengthsByDefinition(data: Uint8Array, gear: GearTable, { min, average, max }: ChunkSizes): number[] {
  const result: number[] = [];
  const middle = average - Math.floor((average * 3) / 16);
  let start = 0;
  while (start < data.length) {
    let length = Math.min(min, data.length - start);
    for (; start + length < data.length && length < max; length++) {
      if (length >= min && isCut(data.subarray(start, start + length), length <= middle ? average * 4 : average / 4))
        break;
    }
    result.push(length);
    start += length;
  }
  return result;

  function isCut(chunk: Uint8Array, oneIn: number): boolean {
    let hash = 0n;
    for (const byte of chunk.subarray(-32)) hash = (hash * 2n + BigInt(gear[byte]!)) % 2n ** 32n;
    return BigInt.asIntN(32, hash) < BigInt(Math.floor(2 ** 32 / oneIn)) - 2n ** 31n;
  }
}

/** Random bytes, few distinct bytes, and long runs: what decides about cuts differs in each. */
const anyData = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 6000 }), fc.integer()).map(([length, seed]) => noise(length, seed)),
  fc
    .tuple(fc.integer({ min: 0, max: 6000 }), fc.integer())
    .map(([length, seed]) => noise(length, seed).map((b) => b & 1)),
  fc
    .tuple(fc.integer({ min: 0, max: 6000 }), fc.integer({ min: 0, max: 255 }))
    .map(([n, b]) => new Uint8Array(n).fill(b)),
);

describe('content-defined chunking', () => {
  it('cuts where the definition says, however the stream arrives, and loses no byte', () => {
    fc.assert(
      fc.property(anyData, fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 12 }), (data, pieces) => {
        const chunks = cut(data, GEAR, SMALL, pieces);
        expect(lengths(chunks)).toEqual(lengthsByDefinition(data, GEAR, SMALL));
        expect(Buffer.concat(chunks).equals(Buffer.from(data))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('cuts the same when every byte comes alone', () => {
    const data = noise(20_000, 3);
    const single = new Array<number>(data.length).fill(1);
    expect(lengths(cut(data, GEAR, SMALL, single))).toEqual(lengths(cut(data, GEAR, SMALL)));
  });

  it('keeps the sizes within their bounds, with the average as their mean', () => {
    const data = noise(48 << 20, 11);
    const sizes = lengths(cut(data, GEAR, DEFAULT_CHUNK_SIZES)).slice(0, -1);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(DEFAULT_CHUNK_SIZES.min);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(DEFAULT_CHUNK_SIZES.max);
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    expect(mean / DEFAULT_CHUNK_SIZES.average).toBeGreaterThan(0.9);
    expect(mean / DEFAULT_CHUNK_SIZES.average).toBeLessThan(1.1);
  });

  it('changes only the chunks beside an insertion', () => {
    const data = noise(2 << 20, 5);
    const sizes = { min: 1024, average: 4096, max: 16_384 };
    const at = 1_000_003;
    const changed = Buffer.concat([data.subarray(0, at), Buffer.from('inserted'), data.subarray(at)]);
    const ids = (chunks: Uint8Array[]) => chunks.map((chunk) => Buffer.from(sha256(chunk)).toString('hex'));
    const before = new Set(ids(cut(data, GEAR, sizes)));
    const fresh = ids(cut(changed, GEAR, sizes)).filter((id) => !before.has(id));
    expect(fresh.length).toBeGreaterThan(0);
    expect(fresh.length).toBeLessThanOrEqual(5);
  });

  it('cuts elsewhere under another seed', () => {
    const data = noise(2 << 20, 9);
    const sizes = { min: 1024, average: 4096, max: 16_384 };
    const ends = (gear: GearTable) => {
      let end = 0;
      return lengths(cut(data, gear, sizes)).map((length) => (end += length));
    };
    const other = new Set(ends(gearTable(seedOf(8), sha256)));
    const mine = ends(GEAR).slice(0, -1);
    // Two independent sets of some 500 cuts in 2^21 places have a fraction of one cut in common.
    expect(mine.filter((end) => other.has(end)).length).toBeLessThanOrEqual(3);
  });

  it('never changes for a seed that a dataset was once cut with', () => {
    expect([...GEAR.subarray(0, 3), GEAR[255]]).toEqual(GEAR_OF_SEVENS);
    expect(lengths(cut(noise(600_000, 1), GEAR, DEFAULT_CHUNK_SIZES))).toEqual(CUTS_OF_SEVENS);
  });

  it('does not copy a chunk that arrives in one buffer', () => {
    const data = noise(100_000, 2);
    const chunks = new Chunker(GEAR, SMALL).push(data);
    expect(chunks.length).toBeGreaterThan(100);
    expect(chunks.every((chunk) => chunk.buffer === data.buffer)).toBe(true);
  });

  it('can be used for one stream after the other', () => {
    const data = noise(5000, 4);
    const chunker = new Chunker(GEAR, SMALL);
    const run = () => [...chunker.push(data), chunker.finish()].map((chunk) => chunk?.length ?? 0);
    expect(run()).toEqual(run());
    expect(chunker.finish()).toBeNull();
  });

  it.each([
    ['min too small', { min: 63, average: 256, max: 1024 }],
    ['min not below the middle', { min: 208, average: 256, max: 1024 }],
    ['max below the average', { min: 64, average: 256, max: 255 }],
    ['a fraction', { min: 64, average: 256.5, max: 1024 }],
    ['a hash that cannot be compared', { min: 64, average: 256, max: 2 ** 29 }],
  ])('refuses %s', (_name, sizes) => {
    expect(() => new Chunker(GEAR, sizes)).toThrow(RangeError);
  });

  it('refuses a seed of another length', () => {
    expect(() => gearTable(new Uint8Array(31), sha256)).toThrow('31 bytes');
  });
});

/** Computed by a separate program (Python, hashlib) from the written definition. */
const GEAR_OF_SEVENS = [1_621_234_435, 115_614_720, -23_828_589, -167_371_446];
const CUTS_OF_SEVENS = [82_996, 96_338, 82_238, 107_106, 120_576, 110_746];
