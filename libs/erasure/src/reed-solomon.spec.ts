import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { NotEnoughShardsError, ShardError } from './erasure.errors.js';
import { defaultKernel, type GaloisKernel, scalarKernel, simdKernel } from './galois-kernel.js';
import { ReedSolomon } from './reed-solomon.js';

/** Textbook multiplication in GF(2^8): carry-less, bit by bit, then reduced by x^8+x^4+x^3+x^2+1. No tables. */
function slowMultiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit++) if ((b >> bit) & 1) product ^= a << bit;
  for (let bit = 14; bit >= 8; bit--) if ((product >> bit) & 1) product ^= 0x11d << (bit - 8);
  return product;
}

function slowInverse(a: number): number {
  for (let candidate = 1; candidate < 256; candidate++) if (slowMultiply(a, candidate) === 1) return candidate;
  throw new RangeError('zero');
}

/** The code by its other definition: the value at `at` of the polynomial through (0, data[0]) to (k-1, data[k-1]). */
function lagrangeWeights(k: number, at: number): number[] {
  return Array.from({ length: k }, (_, i) => {
    let weight = 1;
    for (let j = 0; j < k; j++) {
      if (j !== i) weight = slowMultiply(weight, slowMultiply(at ^ j, slowInverse(i ^ j)));
    }
    return weight;
  });
}

function slowEncode(segment: Uint8Array, k: number, m: number): Uint8Array[] {
  const length = Math.ceil(segment.length / k);
  const data = Array.from({ length: k }, (_, i) => Uint8Array.from({ length }, (_, x) => segment[i * length + x] ?? 0));
  const parity = Array.from({ length: m }, (_, p) => {
    const weights = lagrangeWeights(k, k + p);
    return Uint8Array.from({ length }, (_, x) =>
      data.reduce((sum, shard, i) => sum ^ slowMultiply(weights[i]!, shard[x]!), 0),
    );
  });
  return [...data, ...parity];
}

const simd = simdKernel();
const kernels: [string, GaloisKernel][] = [
  ['simd', simd!],
  ['scalar', scalarKernel()],
];

const same = (a: readonly Uint8Array[], b: readonly Uint8Array[]) =>
  a.length === b.length && a.every((bytes, at) => Buffer.compare(bytes, b[at]!) === 0);

/** A shape, a segment and which shards are left: k of them, drawn at random. */
const anyCase = fc
  .record({ k: fc.integer({ min: 1, max: 20 }), m: fc.integer({ min: 0, max: 10 }) })
  .chain(({ k, m }) =>
    fc.record({
      k: fc.constant(k),
      m: fc.constant(m),
      segment: fc.oneof(
        fc.uint8Array({ maxLength: 3 }),
        fc.uint8Array({ maxLength: 2500 }),
        fc.uint8Array({ minLength: k * 60, maxLength: k * 70 }),
      ),
      left: fc.shuffledSubarray(
        Array.from({ length: k + m }, (_, index) => index),
        { minLength: k, maxLength: k },
      ),
    }),
  );

function subsets(count: number, size: number): number[][] {
  const all = Array.from({ length: 2 ** count }, (_, bits) =>
    Array.from({ length: count }, (_, index) => index).filter((index) => (bits >> index) & 1),
  );
  return all.filter((subset) => subset.length === size);
}

describe.each(kernels)('Reed-Solomon with the %s kernel', (name, kernel) => {
  it('runs on this platform', () => {
    expect(kernel.name).toBe(name);
  });

  it('gives the shards of the textbook', () => {
    fc.assert(
      fc.property(anyCase, ({ k, m, segment }) => {
        const code = new ReedSolomon({ dataShards: k, parityShards: m }, kernel);
        expect(same(code.encode(segment), slowEncode(segment, k, m))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('gives the segment back from any k shards, and any other shard too', () => {
    fc.assert(
      fc.property(anyCase, ({ k, m, segment, left }) => {
        const code = new ReedSolomon({ dataShards: k, parityShards: m }, kernel);
        const shards = code.encode(segment);
        const available = shards.map((shard, index) => (left.includes(index) ? shard : null));
        expect(Buffer.compare(code.decode(available, segment.length), segment)).toBe(0);
        const lost = shards.map((_, index) => index).filter((index) => !left.includes(index));
        const rebuilt = code.reconstruct(available, lost, segment.length);
        expect(
          same(
            rebuilt,
            lost.map((index) => shards[index]!),
          ),
        ).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    [4, 2],
    [3, 5],
    [10, 4],
  ])('survives every loss that %i + %i allows', (k, m) => {
    const code = new ReedSolomon({ dataShards: k, parityShards: m }, kernel);
    const segment = Uint8Array.from({ length: 1009 }, (_, at) => (at * 89 + (at >> 3)) & 255);
    const shards = code.encode(segment);
    for (const left of subsets(k + m, k)) {
      const available = shards.map((shard, index) => (left.includes(index) ? shard : undefined));
      expect(Buffer.compare(code.decode(available, segment.length), segment)).toBe(0);
    }
  });

  it('handles 256 shards', () => {
    const code = new ReedSolomon({ dataShards: 128, parityShards: 128 }, kernel);
    const segment = Uint8Array.from({ length: 128 * 77 - 5 }, (_, at) => (at * 31 + (at >> 7)) & 255);
    const shards = code.encode(segment);
    const available = shards.map((shard, index) => (index < 128 ? null : shard));
    expect(Buffer.compare(code.decode(available, segment.length), segment)).toBe(0);
  });
});

it('both kernels give identical bytes over lengths beyond a block, odd ones too', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 17 }),
      fc.integer({ min: 1, max: 9 }),
      fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 10_000, max: 150_000 })),
      fc.integer({ min: 0 }),
      (columns, rows, length, seed) => {
        const bytes = (salt: number, count: number) =>
          Uint8Array.from({ length: count }, (_, at) => Math.imul(at + 1, seed + salt * 7919 + 12_345) >>> 21);
        const coefficients = bytes(1, columns * rows);
        const sources = Array.from({ length: columns }, (_, index) => bytes(index + 2, length));
        const run = (kernel: GaloisKernel) => {
          // Targets with old content: a kernel that adds instead of setting is found out.
          const targets = Array.from({ length: rows }, () => new Uint8Array(length).fill(0xaa));
          kernel.multiply(coefficients, sources, targets);
          return targets;
        };
        expect(same(run(simd!), run(scalarKernel()))).toBe(true);
      },
    ),
    { numRuns: 40 },
  );
});

describe('the choice of the kernel', () => {
  it('is SIMD here, and scalar where the platform has none or forbids it', () => {
    expect(defaultKernel().name).toBe('simd');
    class Forbidden {
      constructor() {
        throw new TypeError('Refused to compile: unsafe-eval is not allowed');
      }
    }
    expect(simdKernel({ Module: Forbidden, Instance: Forbidden } as never)).toBeNull();
  });
});

describe('shards of a code', () => {
  const code = new ReedSolomon({ dataShards: 4, parityShards: 2 });
  const segment = Uint8Array.from({ length: 1003 }, (_, at) => (at * 7 + 1) & 255);
  const shards = code.encode(segment);

  it('have the padding that is written down', () => {
    expect(shards.map((shard) => shard.length)).toEqual([251, 251, 251, 251, 251, 251]);
    expect(Buffer.concat(shards.slice(0, 4)).equals(Buffer.concat([segment, Buffer.alloc(1)]))).toBe(true);
    expect(code.encode(new Uint8Array(0)).map((shard) => shard.length)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(code.decode(code.encode(new Uint8Array(0)), 0)).toEqual(new Uint8Array(0));
    expect(code.encode(Uint8Array.of(9)).slice(0, 4)).toEqual([9, 0, 0, 0].map((byte) => Uint8Array.of(byte)));
  });

  it('are the same in room that was used before, whatever is in it and however far it reaches', () => {
    fc.assert(
      fc.property(anyCase, fc.nat(400), ({ k, m, segment }, roomBytes) => {
        const code = new ReedSolomon({ dataShards: k, parityShards: m });
        expect(same(code.encode(segment, new Uint8Array(roomBytes).fill(0xa5)), code.encode(segment))).toBe(true);
      }),
    );
  });

  it('are rebuilt without regard to the copy under repair', () => {
    const damaged = [...shards];
    damaged[1] = damaged[1]!.map((byte) => byte ^ 1);
    expect(same(code.reconstruct(damaged, [1], segment.length), [shards[1]!])).toBe(true);
  });

  it('are refused when there are too few, too many, or of another length', () => {
    const three = shards.map((shard, index) => (index < 3 ? shard : null));
    expect(() => code.decode(three, segment.length)).toThrow(NotEnoughShardsError);
    expect(() => code.decode(three, segment.length)).toThrow('3 shards are at hand and 4 are needed');
    expect(() => code.decode([...shards, shards[0]!], segment.length)).toThrow(ShardError);
    expect(() => code.decode([shards[0]!.subarray(1), ...shards.slice(1)], segment.length)).toThrow(
      'shard 0 has 250 bytes',
    );
    expect(() => code.decode(shards, segment.length - 4)).toThrow(ShardError);
    expect(() => code.reconstruct(shards, [6], segment.length)).toThrow(RangeError);
  });

  it('betray a wrong segment length, or a wrong shard, in their padding', () => {
    expect(() => code.decode(shards, segment.length - 1)).toThrow('padding of data shard 3');
  });

  it('never change: two published packages, both of the Rust crate, give these bytes', () => {
    for (const [k, m, digest] of KNOWN_SHARDS) {
      const known = Uint8Array.from({ length: k * 64 }, (_, at) => Math.imul(at, 2_654_435_761) >>> 24);
      const hash = createHash('sha256');
      for (const shard of new ReedSolomon({ dataShards: k, parityShards: m }).encode(known)) hash.update(shard);
      expect([k, m, hash.digest('hex')]).toEqual([k, m, digest]);
    }
  });

  it.each([
    [0, 2],
    [4, -1],
    [200, 57],
    [1.5, 2],
  ])('need a shape that exists: not %d + %d', (dataShards, parityShards) => {
    expect(() => new ReedSolomon({ dataShards, parityShards })).toThrow(RangeError);
  });
});

/** SHA-256 over all shards, as @digitaldefiance/reed-solomon-erasure.wasm 1.0.2 and @shelby-protocol/reed-solomon 0.0.1 computed them. */
const KNOWN_SHARDS: [number, number, string][] = [
  [4, 2, 'c9662254ddfabd557e3122c619113c6d9799a6b713823debbeaa3b9f897c72ca'],
  [10, 4, 'e896ddc55c1d958e54b48e86b2593ca1f2f51f71af13eb640543e24dd55348ea'],
  [3, 5, 'e481ec31aa20b7ae12734ba8d1fae19cb425d37fd2a66cde3df955cf7bb38568'],
  [29, 51, '7aaea1ffcf7b51795d36b9616eb9c2d02d5efb1af49c8f30ceb96a63d713dc31'],
  [128, 128, '9288591e77698a08e6f7e13c37881b2f3c63f7037e5babdbbf33f0a12b4dbdc9'],
  [1, 3, 'e9c5e758a41f115bd95c4221132e4aaa052c5c8a1d5c2ae6b31e258edce3df6a'],
];
