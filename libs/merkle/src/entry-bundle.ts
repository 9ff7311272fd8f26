import { FormatError } from './bytes.js';
import { TILE_WIDTH } from './tiles.js';

/** The longest entry a bundle can hold: its length is a 16-bit number. Larger payloads go in by digest. */
export const MAX_ENTRY_BYTES = 65_535;

/**
 * A bundle of up to 256 entries: each a big-endian 16-bit length and its bytes (c2sp.org/tlog-tiles, "Log entries").
 * @throws FormatError when there are more than 256, or one is longer than 65,535 bytes
 */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length > TILE_WIDTH) throw new FormatError('a bundle has at most 256 entries');
  const tooLong = entries.findIndex((entry) => entry.length > MAX_ENTRY_BYTES);
  if (tooLong >= 0) throw new FormatError(`entry ${tooLong} of the bundle is longer than ${MAX_ENTRY_BYTES} bytes`);
  const bundle = new Uint8Array(entries.reduce((length, entry) => length + 2 + entry.length, 0));
  let at = 0;
  for (const entry of entries) {
    bundle[at] = entry.length >> 8;
    bundle[at + 1] = entry.length & 255;
    bundle.set(entry, at + 2);
    at += 2 + entry.length;
  }
  return bundle;
}

/** @throws FormatError when the bytes are not a whole number of entries, or more than 256 */
export function decodeEntryBundle(bundle: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at < bundle.length) {
    if (at + 2 > bundle.length) throw new FormatError('the bundle ends inside a length');
    const length = bundle[at]! * 256 + bundle[at + 1]!;
    at += 2;
    if (at + length > bundle.length) throw new FormatError('the bundle ends inside an entry');
    if (entries.length === TILE_WIDTH) throw new FormatError('a bundle has at most 256 entries');
    entries.push(bundle.slice(at, at + length));
    at += length;
  }
  return entries;
}
