/** 128 bits as four unsigned words, in the order in which MurmurHash3 writes them. */
export type Hash128 = readonly [number, number, number, number];

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;
const BLOCK_BYTES = 16;

/**
 * MurmurHash3_x86_128 (Appleby, public domain), checked against SMHasher's verification value. Good mixing in 32-bit
 * arithmetic, which is what JavaScript does fast. No secret and no defence: who can choose ids can choose where they fall,
 * and ids here are drawn by the server.
 */
export function murmurHash128(data: Uint8Array, seed = 0): Hash128 {
  const whole = data.length - (data.length % BLOCK_BYTES);
  let h1 = seed;
  let h2 = seed;
  let h3 = seed;
  let h4 = seed;
  for (let at = 0; at < whole; at += BLOCK_BYTES) {
    h1 ^= mixWord(wordAt(data, at), C1, 15, C2);
    h1 = Math.imul((rotate(h1, 19) + h2) | 0, 5) + 0x561ccd1b;
    h2 ^= mixWord(wordAt(data, at + 4), C2, 16, C3);
    h2 = Math.imul((rotate(h2, 17) + h3) | 0, 5) + 0x0bcaa747;
    h3 ^= mixWord(wordAt(data, at + 8), C3, 17, C4);
    h3 = Math.imul((rotate(h3, 15) + h4) | 0, 5) + 0x96cd1c35;
    h4 ^= mixWord(wordAt(data, at + 12), C4, 18, C1);
    h4 = Math.imul((rotate(h4, 13) + h1) | 0, 5) + 0x32ac3b17;
  }
  // Missing bytes of the tail are zero, and a zero word leaves its lane as it is.
  h1 ^= mixWord(wordAt(data, whole), C1, 15, C2) ^ data.length;
  h2 ^= mixWord(wordAt(data, whole + 4), C2, 16, C3) ^ data.length;
  h3 ^= mixWord(wordAt(data, whole + 8), C3, 17, C4) ^ data.length;
  h4 ^= mixWord(wordAt(data, whole + 12), C4, 18, C1) ^ data.length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = finish((h2 + h1) | 0);
  h3 = finish((h3 + h1) | 0);
  h4 = finish((h4 + h1) | 0);
  h1 = (finish(h1) + h2 + h3 + h4) | 0;
  return [h1 >>> 0, (h2 + h1) >>> 0, (h3 + h1) >>> 0, (h4 + h1) >>> 0];
}

/** The little-endian word at an offset; bytes beyond the end count as zero. */
function wordAt(data: Uint8Array, at: number): number {
  return (data[at] ?? 0) | ((data[at + 1] ?? 0) << 8) | ((data[at + 2] ?? 0) << 16) | ((data[at + 3] ?? 0) << 24);
}

function mixWord(word: number, first: number, turn: number, second: number): number {
  return Math.imul(rotate(Math.imul(word, first), turn), second);
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function finish(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
