import fc from 'fast-check';
import { simdKernelModule } from './simd-kernel-module.js';
import { assembleModule, signed, unsigned, wasm } from './wasm-assembler.js';

interface Host {
  validate(bytes: Uint8Array): boolean;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (
    module: object,
  ) => { exports: { memory: { buffer: ArrayBuffer } } & Record<string, (...n: number[]) => void> };
}
const host = (globalThis as unknown as { WebAssembly: Host }).WebAssembly;

describe('the assembler', () => {
  it('writes LEB128 as DWARF has it', () => {
    expect([unsigned(0), unsigned(127), unsigned(128), unsigned(624_485)]).toEqual([
      [0],
      [0x7f],
      [0x80, 0x01],
      [0xe5, 0x8e, 0x26],
    ]);
    expect([signed(0), signed(-1), signed(63), signed(64), signed(-64), signed(-123_456)]).toEqual([
      [0],
      [0x7f],
      [0x3f],
      [0xc0, 0x00],
      [0x40],
      [0xc0, 0xbb, 0x78],
    ]);
  });

  it('makes modules that compute what was written down', () => {
    const { get, set, constant, add, subtract, multiply, splat, store128, doWhile, when } = wasm;
    const instance = new host.Instance(
      new host.Module(
        assembleModule({
          name: 'fill',
          parameters: 2,
          integers: 0,
          vectors: 1,
          // fill(address, count): `count` vectors of 0x2a, and none when the count is zero.
          body: [
            ...[splat(0x2a), set(2)],
            when(
              [get(1)],
              [
                doWhile(
                  [get(0), get(2), store128(0), get(0), constant(4), constant(4), multiply, add, set(0)].concat([
                    get(1),
                    constant(1),
                    subtract,
                    set(1),
                  ]),
                  [get(1)],
                ),
              ],
            ),
          ],
        }),
      ),
    );
    fc.assert(
      fc.property(fc.nat({ max: 60 }), fc.nat({ max: 60 }), (at, count) => {
        const memory = new Uint8Array(instance.exports.memory.buffer).fill(0);
        instance.exports.fill!(at * 16, count);
        const expected = new Uint8Array(memory.length).fill(0x2a, at * 16, (at + count) * 16);
        expect(Buffer.compare(memory, expected)).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  it('makes a kernel that is valid and far below what a browser compiles at once', () => {
    expect(host.validate(simdKernelModule())).toBe(true);
    expect(simdKernelModule().length).toBeLessThan(1024);
  });
});
