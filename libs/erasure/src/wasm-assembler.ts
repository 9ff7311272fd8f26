/**
 * Just enough of an assembler for WebAssembly (core specification 2.0, binary format) to write the Galois kernel down as
 * instructions instead of committing opaque bytes. An instruction is its bytes; a body is instructions one after the other.
 */
export type Code = readonly number[];

const I32 = 0x7f;
const V128 = 0x7b;
const FUNCTION_TYPE = 0x60;
const NO_RESULT = 0x40;
const END = 0x0b;
const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
/** log2 of the alignment that v128 accesses promise: all addresses here are multiples of 16. */
const ALIGN_16 = 4;

/** Unsigned LEB128. */
export function unsigned(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return bytes;
}

/** Signed LEB128 of a 32-bit number. */
export function signed(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

function simd(opcode: number, ...immediates: Code[]): Code {
  return [0xfd, ...unsigned(opcode), ...immediates.flat()];
}

export const wasm = {
  get: (local: number): Code => [0x20, ...unsigned(local)],
  set: (local: number): Code => [0x21, ...unsigned(local)],
  constant: (value: number): Code => [0x41, ...signed(value)],
  add: [0x6a] as Code,
  subtract: [0x6b] as Code,
  multiply: [0x6c] as Code,
  shiftLeft: [0x74] as Code,
  lessUnsigned: [0x49] as Code,
  /** `do { body } while (condition)`: a loop block whose branch is taken while the condition is not zero. */
  doWhile: (body: readonly Code[], condition: readonly Code[]): Code => [
    0x03,
    NO_RESULT,
    ...body.flat(),
    ...condition.flat(),
    0x0d,
    0x00,
    END,
  ],
  /** `if (condition) { body }`. */
  when: (condition: readonly Code[], body: readonly Code[]): Code => [
    ...condition.flat(),
    0x04,
    NO_RESULT,
    ...body.flat(),
    END,
  ],
  load128: (offset: number): Code => simd(0x00, [ALIGN_16], unsigned(offset)),
  store128: (offset: number): Code => simd(0x0b, [ALIGN_16], unsigned(offset)),
  /** Sixteen times the same byte. */
  splat: (byte: number): Code => simd(0x0c, new Array<number>(16).fill(byte)),
  swizzle: simd(0x0e),
  and128: simd(0x4e),
  xor128: simd(0x51),
  /** i8x16.shr_u: each of the sixteen bytes on its own. */
  shiftBytesRight: simd(0x6d),
};

export interface WasmFunction {
  name: string;
  /** Number of i32 parameters: locals 0 and up. */
  parameters: number;
  /** Further i32 locals, which follow the parameters. */
  integers: number;
  /** v128 locals, which follow those. */
  vectors: number;
  body: readonly Code[];
}

/** The bytes of a module with one memory of one page, exported as `memory`, and one exported function without results. */
export function assembleModule({ name, parameters, integers, vectors, body }: WasmFunction): Uint8Array<ArrayBuffer> {
  const locals = vector([
    [...unsigned(integers), I32],
    [...unsigned(vectors), V128],
  ]);
  const code = [...locals, ...body.flat(), END];
  return Uint8Array.from([
    ...MAGIC_AND_VERSION,
    ...section(1, [[FUNCTION_TYPE, ...vector(new Array<Code>(parameters).fill([I32])), ...vector([])]]),
    ...section(3, [[0]]),
    ...section(5, [[0x00, 0x01]]),
    ...section(7, [
      [...text(name), 0x00, 0x00],
      [...text('memory'), 0x02, 0x00],
    ]),
    ...section(10, [[...unsigned(code.length), ...code]]),
  ]);
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function section(id: number, items: readonly Code[]): Code {
  const content = vector(items);
  return [id, ...unsigned(content.length), ...content];
}

function text(value: string): Code {
  const bytes = [...new TextEncoder().encode(value)];
  return [...unsigned(bytes.length), ...bytes];
}
