/**
 * GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1 (0x11d) and the generator 2: the field of ISA-L, of Backblaze's
 * Reed-Solomon and of what descends from them. Addition is XOR.
 */
const POLYNOMIAL = 0x11d;
const ORDER = 255;

/** `EXP[i]` is 2^i, twice around so that a sum of two logarithms needs no reduction. */
const EXP = new Uint8Array(2 * ORDER);
const LOG = new Uint8Array(256);

for (let power = 0, value = 1; power < ORDER; power++) {
  EXP[power] = value;
  EXP[power + ORDER] = value;
  LOG[value] = power;
  value <<= 1;
  if (value > 255) value ^= POLYNOMIAL;
}

export function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : EXP[LOG[a]! + LOG[b]!]!;
}

/** @throws RangeError for zero, which has none */
export function inverse(a: number): number {
  if (a === 0) throw new RangeError('zero has no inverse');
  return EXP[ORDER - LOG[a]!]!;
}

/** `base` to a natural power; anything to the power of 0 is 1, zero included. */
export function power(base: number, exponent: number): number {
  if (exponent === 0) return 1;
  return base === 0 ? 0 : EXP[(LOG[base]! * exponent) % ORDER]!;
}
