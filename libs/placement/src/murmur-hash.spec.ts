import { murmurHash128 } from './murmur-hash.js';

const bytesOf = (data: Uint8Array, seed: number) =>
  Uint8Array.from(murmurHash128(data, seed).flatMap((word) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 255)));

describe('MurmurHash3_x86_128', () => {
  it("has SMHasher's verification value", () => {
    // Keys of 0 to 255 bytes under seeds of 256 down to 1, then the hash of all the hashes: KeysetTest.cpp of SMHasher.
    const hashes = Array.from({ length: 256 }, (_, length) =>
      bytesOf(
        Uint8Array.from({ length }, (_, at) => at),
        256 - length,
      ),
    );
    expect(murmurHash128(Buffer.concat(hashes))[0]).toBe(0xb3ece62a);
  });
});
