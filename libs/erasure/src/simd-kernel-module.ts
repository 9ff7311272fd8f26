import { assembleModule, type Code, wasm } from './wasm-assembler.js';

/** Bytes of one multiplication table: products of the 16 low nibbles, then of the 16 high ones. */
export const TABLE_BYTES = 32;
/** Bytes that one turn of the inner loop handles: two vectors. Lengths are multiples of it. */
export const STEP_BYTES = 32;

const { get, set, constant, add, subtract, multiply, shiftLeft, lessUnsigned } = wasm;
const { load128, store128, splat, swizzle, and128, xor128, shiftBytesRight, doWhile, when } = wasm;

/** The parameters, then the i32 locals, in their order. */
const TABLES = 0;
const SOURCES = 1;
const SOURCE_COUNT = 2;
const TARGETS = 3;
const TARGET_COUNT = 4;
const LENGTH = 5;
const AT = 6;
const LEFT = 7;
const TABLE = 8;
const SOURCE = 9;
const TARGET = 10;
/** Bytes from one target's tables to the next one's. */
const ROW = 11;
/** The v128 locals. */
const LOW = [12, 13] as const;
const HIGH = [14, 15] as const;
const LOW_TABLE = 16;
const HIGH_TABLE = 17;
/** One accumulator for each of two vectors of each of two targets. */
const SUMS = [
  [18, 19],
  [20, 21],
] as const;

const PARAMETERS = 6;
const INTEGERS = 6;
const VECTORS = 10;

const increase = (local: number, ...by: Code[]): Code => [get(local), ...by, add, set(local)].flat();

/** Splits two vectors of the source into nibbles. */
const splitNibbles: Code[] = [0, 1].flatMap((half) => [
  get(SOURCE),
  load128(half * 16),
  set(HIGH[half as 0 | 1]),
  get(HIGH[half as 0 | 1]),
  splat(0x0f),
  and128,
  set(LOW[half as 0 | 1]),
  get(HIGH[half as 0 | 1]),
  constant(4),
  shiftBytesRight,
  set(HIGH[half as 0 | 1]),
]);

/** sum ^= lowTable[low nibbles] ^ highTable[high nibbles], for both vectors of one target. */
function accumulate(target: 0 | 1): Code[] {
  const address = target === 0 ? [get(TABLE)] : [get(TABLE), get(ROW), add];
  return [
    ...[...address, load128(0), set(LOW_TABLE)],
    ...[...address, load128(16), set(HIGH_TABLE)],
    ...([0, 1] as const).flatMap((half) => [
      ...[get(LOW_TABLE), get(LOW[half]), swizzle],
      ...[get(HIGH_TABLE), get(HIGH[half]), swizzle, xor128],
      ...[get(SUMS[target][half]), xor128, set(SUMS[target][half])],
    ]),
  ];
}

function storeSums(target: 0 | 1): Code[] {
  const address = target === 0 ? [get(TARGET), get(AT), add] : [get(TARGET), get(AT), add, get(LENGTH), add];
  return ([0, 1] as const).flatMap((half) => [...address, get(SUMS[target][half]), store128(half * 16)]);
}

/** All of the sources into one or two targets, from the first byte to the last. */
function dotProduct(targets: readonly (0 | 1)[]): Code {
  return doWhile(
    [
      ...targets.flatMap((target) => SUMS[target].flatMap((sum) => [splat(0), set(sum)])),
      ...[get(TABLES), set(TABLE)],
      ...[get(SOURCES), get(AT), add, set(SOURCE)],
      ...[get(SOURCE_COUNT), set(LEFT)],
      doWhile(
        [
          ...splitNibbles,
          ...targets.flatMap(accumulate),
          increase(TABLE, constant(TABLE_BYTES)),
          increase(SOURCE, get(LENGTH)),
          ...[get(LEFT), constant(1), subtract, set(LEFT)],
        ],
        [get(LEFT)],
      ),
      ...targets.flatMap(storeSums),
      increase(AT, constant(STEP_BYTES)),
    ],
    [get(AT), get(LENGTH), lessUnsigned],
  );
}

/** Goes on to the tables and the buffer of the target that is `count` further. */
function advance(count: number): Code[] {
  return [
    increase(TABLES, get(ROW), constant(count), multiply),
    increase(TARGET, get(LENGTH), constant(count), multiply),
    [get(TARGET_COUNT), constant(count), subtract, set(TARGET_COUNT)].flat(),
    [constant(0), set(AT)].flat(),
  ];
}

/** `targetCount >= 2` as an unsigned comparison. */
const hasPair: Code[] = [constant(1), get(TARGET_COUNT), lessUnsigned];

/**
 * The kernel's module: `multiply(tables, sources, sourceCount, targets, targetCount, length)` with byte addresses in its
 * memory. Source i is at `sources + i * length`, target j at `targets + j * length`, and the table of their coefficient at
 * `tables + (j * sourceCount + i) * 32`. Sets `target[j] = sum over i of coefficient[j][i] * source[i]`. All three numbers
 * are at least 1, the addresses multiples of 16 and the length one of 32.
 *
 * A product with a constant is the XOR of two look-ups, one for each nibble, and `i8x16.swizzle` does sixteen at once: the
 * method of ISA-L (PSHUFB) after Plank, Greenan and Miller, "Screaming Fast Galois Field Arithmetic" (FAST 2013). Two
 * targets go together, so that the sources are read and split half as often.
 */
export function simdKernelModule(): Uint8Array<ArrayBuffer> {
  return assembleModule({
    name: 'multiply',
    parameters: PARAMETERS,
    integers: INTEGERS,
    vectors: VECTORS,
    body: [
      ...[get(SOURCE_COUNT), constant(5), shiftLeft, set(ROW)],
      ...[get(TARGETS), set(TARGET)],
      when(hasPair, [doWhile([dotProduct([0, 1]), ...advance(2)], hasPair)]),
      when([get(TARGET_COUNT)], [dotProduct([0])]),
    ],
  });
}
