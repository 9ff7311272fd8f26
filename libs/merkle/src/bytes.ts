/**
 * Bytes and their text forms, for every place that runs JavaScript: no Buffer, no Node. The decoders accept exactly one
 * text for each sequence of bytes, because two texts for one hash would let a proof be changed without being noticed.
 */

/** The bytes are not what the format says. Carries the rule that was broken and never the bytes themselves. */
export class FormatError extends Error {
  override name = 'FormatError';
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const BASE64_VALUE = valueTable(BASE64);
const HEX = '0123456789abcdef';
const HEX_VALUE = valueTable(HEX);
const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => HEX[byte >> 4]! + HEX[byte & 15]!);
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** For every UTF-16 code unit, so that no look-up falls beside the table. */
function valueTable(alphabet: string): Int8Array {
  const table = new Int8Array(0x10000).fill(-1);
  for (let value = 0; value < alphabet.length; value++) table[alphabet.charCodeAt(value)] = value;
  return table;
}

/** Standard base64 with padding (RFC 4648 section 4). */
export function toBase64(bytes: Uint8Array): string {
  let text = '';
  let at = 0;
  for (; at + 2 < bytes.length; at += 3) {
    const group = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    text += BASE64[group >> 18]! + BASE64[(group >> 12) & 63]! + BASE64[(group >> 6) & 63]! + BASE64[group & 63]!;
  }
  const left = bytes.length - at;
  if (left === 1) text += `${BASE64[bytes[at]! >> 2]!}${BASE64[(bytes[at]! & 3) << 4]!}==`;
  if (left === 2) {
    const group = (bytes[at]! << 8) | bytes[at + 1]!;
    text += `${BASE64[group >> 10]!}${BASE64[(group >> 4) & 63]!}${BASE64[(group & 15) << 2]!}=`;
  }
  return text;
}

/**
 * The bytes of a base64 text. Padding is required and the unused bits must be zero, so each value has one text.
 * @throws FormatError
 */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0) throw new FormatError('base64: the length is not a multiple of 4');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const whole = text.length - (padding > 0 ? 4 : 0);
  let at = 0;
  let position = 0;
  for (; position < whole; position += 4) {
    // A character that is not of the alphabet has the value -1, which makes the whole negative.
    const group =
      (BASE64_VALUE[text.charCodeAt(position)]! << 18) |
      (BASE64_VALUE[text.charCodeAt(position + 1)]! << 12) |
      (BASE64_VALUE[text.charCodeAt(position + 2)]! << 6) |
      BASE64_VALUE[text.charCodeAt(position + 3)]!;
    if (group < 0) throw new FormatError(`base64: a character from ${position + 1} on is not of the alphabet`);
    bytes[at++] = group >> 16;
    bytes[at++] = (group >> 8) & 255;
    bytes[at++] = group & 255;
  }
  if (padding === 0) return bytes;
  const first = (base64Value(text, position) << 6) | base64Value(text, position + 1);
  bytes[at++] = first >> 4;
  let unusedBits = first & 15;
  if (padding === 1) {
    const second = ((first & 15) << 6) | base64Value(text, position + 2);
    bytes[at++] = second >> 2;
    unusedBits = second & 3;
  }
  if (unusedBits !== 0) throw new FormatError('base64: the unused bits at the end are not zero');
  return bytes;
}

function base64Value(text: string, position: number): number {
  const value = BASE64_VALUE[text.charCodeAt(position)]!;
  if (value < 0) throw new FormatError(`base64: character ${position + 1} is not of the alphabet`);
  return value;
}

/** Lowercase hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at++) text += HEX_OF_BYTE[bytes[at]!]!;
  return text;
}

/**
 * The bytes of a lowercase hexadecimal text.
 * @throws FormatError
 */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) throw new FormatError('hex: an odd number of digits');
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) {
    const high = HEX_VALUE[text.charCodeAt(2 * at)]!;
    const low = HEX_VALUE[text.charCodeAt(2 * at + 1)]!;
    if (high < 0 || low < 0) throw new FormatError(`hex: byte ${at + 1} is not two lowercase digits`);
    bytes[at] = high * 16 + low;
  }
  return bytes;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

export function concatBytes(...parts: Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function utf8(text: string): Uint8Array {
  return ENCODER.encode(text);
}

/**
 * The text of UTF-8 bytes; a byte order mark is kept, so that text and bytes always correspond.
 * @throws FormatError when the bytes are not UTF-8
 */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return DECODER.decode(bytes);
  } catch (cause) {
    throw new FormatError('the bytes are not UTF-8', { cause });
  }
}

/** An unsigned 64-bit big-endian number. @throws FormatError for what a JavaScript number cannot hold exactly */
export function uint64(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) throw new FormatError('uint64: not a natural number below 2^53');
  const bytes = new Uint8Array(8);
  let rest = value;
  for (let at = 7; rest > 0; at--) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

/** @throws FormatError when there are not 8 bytes, or the number is 2^53 or more */
export function fromUint64(bytes: Uint8Array): number {
  if (bytes.length !== 8) throw new FormatError('uint64: not 8 bytes');
  const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new FormatError('uint64: 2^53 or more');
  return Number(value);
}

/** An ASCII decimal without leading zeroes and below 2^53. @throws FormatError naming `what` */
export function parseDecimal(text: string, what: string): number {
  const value = /^(?:0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) {
    throw new FormatError(`${what}: not a decimal number below 2^53 without leading zeroes`);
  }
  return value;
}
