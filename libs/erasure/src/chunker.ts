import type { GearTable } from './gear-table.js';

/** Sizes of chunks in bytes. */
export interface ChunkSizes {
  /** No chunk but the last of its stream is smaller. */
  min: number;
  /** About the mean, when `min` is a quarter of it and `max` four times as much. */
  average: number;
  /** No chunk is larger. */
  max: number;
}

/** Small enough that scattered changes store little again: tools that cut at 1 MiB store more than ten times what changed. */
export const DEFAULT_CHUNK_SIZES: ChunkSizes = Object.freeze({ min: 24 * 1024, average: 96 * 1024, max: 384 * 1024 });

/** The hash has 32 bits and moves one bit a byte, so that it is a function of the last 32 bytes and nothing else. */
const WINDOW = 32;
const MIN_CHUNK = 64;
const MAX_CHUNK = 1 << 28;
const HASHES = 2 ** 32;
/** Normalisation: cuts are four times rarer before the middle and four times likelier behind it. */
const NORMALISATION = 4;

/**
 * Cuts a stream where its content says so (FastCDC, Xia et al. 2016: gear hash, skipping to the minimum, normalised sizes),
 * so that an insertion moves the cuts beside it and no others.
 *
 * A chunk ends behind the first byte at which its length is at least `min` and the hash of its last 32 bytes, read as a
 * signed number, is below a threshold; the threshold is the strict one up to the middle (13/16 of the average, which makes
 * the mean of the sizes the average) and the loose one behind it. At `max` it ends anyway. All arithmetic is on integers:
 * every machine cuts alike. The hash is `h = (h << 1) + gear[byte]`; its high bits depend on all 32 bytes.
 *
 * Bytes are not copied: a chunk is a view of the buffer it arrived in, or, when it spans buffers, put together once. So
 * the caller gives each buffer away and does not write to it again while it holds a chunk.
 */
export class Chunker {
  readonly #gear: GearTable;
  readonly #min: number;
  readonly #middle: number;
  readonly #max: number;
  readonly #strict: number;
  readonly #loose: number;
  #hash = 0;
  /** The beginning of the open chunk, as it came in. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  /** @throws RangeError when the sizes are out of order or out of range, or the table is not one */
  constructor(gear: GearTable, sizes: ChunkSizes = DEFAULT_CHUNK_SIZES) {
    const { min, average, max } = sizes;
    const middle = average - Math.floor((average * 3) / 16);
    if (![min, average, max].every(Number.isSafeInteger) || min < MIN_CHUNK || max > MAX_CHUNK) {
      throw new RangeError(
        `chunk sizes are whole numbers from ${MIN_CHUNK} to ${MAX_CHUNK}: ${min}, ${average}, ${max}`,
      );
    }
    if (min >= middle || average > max) {
      throw new RangeError(`min < 13/16 of average and average <= max must hold: ${min}, ${average}, ${max}`);
    }
    if (gear.length !== 256) throw new RangeError(`a gear table has 256 words, not ${gear.length}`);
    this.#gear = gear;
    this.#min = min;
    this.#middle = middle;
    this.#max = max;
    this.#strict = Math.floor(HASHES / (average * NORMALISATION)) - HASHES / 2;
    this.#loose = Math.floor((HASHES * NORMALISATION) / average) - HASHES / 2;
  }

  /** Takes the next bytes of the stream, and with them ownership of the buffer. Returns the chunks that end in them. */
  push(data: Uint8Array): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    let start = 0;
    while (start < data.length) {
      const end = this.#findEnd(data, start);
      if (end < 0) {
        this.#held.push(data.subarray(start));
        this.#heldBytes += data.length - start;
        break;
      }
      chunks.push(this.#close(data.subarray(start, end)));
      start = end;
    }
    return chunks;
  }

  /** Ends the stream: its last chunk, or null when there is none left. The chunker is then ready for another stream. */
  finish(): Uint8Array | null {
    return this.#heldBytes === 0 ? null : this.#close(new Uint8Array(0));
  }

  /** Where the open chunk, which goes on at `start` of the data, ends: the index behind its last byte, or -1. */
  #findEnd(data: Uint8Array, start: number): number {
    // The chunk's length at index i of the data is i - origin.
    const origin = start - this.#heldBytes;
    let at = Math.max(start, origin + this.#min - WINDOW);
    at = this.#warm(data, at, origin + this.#min - 1);
    const strictEnd = Math.min(data.length, origin + this.#middle);
    if (at < strictEnd) {
      const end = this.#search(data, at, strictEnd, this.#strict);
      if (end >= 0) return end;
      at = strictEnd;
    }
    const looseEnd = Math.min(data.length, origin + this.#max);
    if (at < looseEnd) {
      const end = this.#search(data, at, looseEnd, this.#loose);
      if (end >= 0) return end;
    }
    return looseEnd === origin + this.#max ? looseEnd : -1;
  }

  /** Fills the window with the bytes before the first at which the chunk may end. That shifts the last chunk's hash out. */
  #warm(data: Uint8Array, from: number, to: number): number {
    const end = Math.min(to, data.length);
    let hash = this.#hash;
    for (let at = from; at < end; at++) hash = ((hash << 1) + this.#gear[data[at]!]!) | 0;
    this.#hash = hash;
    return Math.max(from, end);
  }

  #search(data: Uint8Array, from: number, to: number, threshold: number): number {
    const gear = this.#gear;
    let hash = this.#hash;
    for (let at = from; at < to; at++) {
      hash = ((hash << 1) + gear[data[at]!]!) | 0;
      if (hash < threshold) return at + 1;
    }
    this.#hash = hash;
    return -1;
  }

  #close(tail: Uint8Array): Uint8Array {
    if (this.#heldBytes === 0) return tail;
    const chunk = new Uint8Array(this.#heldBytes + tail.length);
    let at = 0;
    for (const part of this.#held) {
      chunk.set(part, at);
      at += part.length;
    }
    chunk.set(tail, at);
    this.#held = [];
    this.#heldBytes = 0;
    return chunk;
  }
}
