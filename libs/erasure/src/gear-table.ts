import type { Sha256 } from '#merkle';

/** What a byte adds to the rolling hash: 256 words of 32 bits. */
export type GearTable = Int32Array;

export const GEAR_SEED_BYTES = 32;

const LABEL = new TextEncoder().encode('freehold/gear/v1\0');
const BYTES = 256;
const HASH_BYTES = 32;
const WORDS_PER_HASH = HASH_BYTES / 4;

/**
 * The gear table of a dataset, from its secret seed: word i is the (i mod 8)-th big-endian word of
 * `SHA-256("freehold/gear/v1" || 0x00 || seed || byte(i div 8))`. The seed never changes while the dataset lives, or equal
 * data would be cut differently and stored twice.
 *
 * What the key is good for: whoever sees chunk lengths but neither the plaintext nor the seed learns nothing from where the
 * cuts are, so the lengths are no fingerprint of a known file. It does not withstand somebody who chooses plaintext *and*
 * sees the lengths of single chunks (the hash is linear); therefore chunks leave the client packed into segments.
 * @throws RangeError when the seed is not 32 bytes
 */
export function gearTable(seed: Uint8Array, sha256: Sha256): GearTable {
  if (seed.length !== GEAR_SEED_BYTES) {
    throw new RangeError(`the seed of a gear table has ${seed.length} bytes: use ${GEAR_SEED_BYTES}`);
  }
  const message = new Uint8Array(LABEL.length + seed.length + 1);
  message.set(LABEL);
  message.set(seed, LABEL.length);
  const table = new Int32Array(BYTES);
  for (let group = 0; group < BYTES / WORDS_PER_HASH; group++) {
    message[message.length - 1] = group;
    const hash = sha256(message);
    const words = new DataView(hash.buffer, hash.byteOffset, HASH_BYTES);
    for (let word = 0; word < WORDS_PER_HASH; word++) table[group * WORDS_PER_HASH + word] = words.getInt32(word * 4);
  }
  return table;
}
