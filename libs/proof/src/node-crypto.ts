import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import type { ProofCrypto } from './proof-crypto.js';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
const SPKI_ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** What HMAC hashes is put together here, and not in new memory each time; nothing of it outlives the call. */
const scratch = new Uint8Array(8192);
const outer = new Uint8Array(BLOCK_BYTES + DIGEST_BYTES);

/**
 * The primitives of Node's own crypto (OpenSSL). Digests come as strings of single bytes and HMAC is put together from two
 * of them (RFC 2104): that takes half the time of buffers and of Hmac objects, and there are several of each for an entry.
 */
export const nodeCrypto: ProofCrypto = {
  sha256,
  hmacSha256(key, message) {
    const block = key.length > BLOCK_BYTES ? sha256(key) : key;
    const length = BLOCK_BYTES + message.length;
    const inner = length > scratch.length ? new Uint8Array(length) : new Uint8Array(scratch.buffer, 0, length);
    inner.fill(0x36, block.length, BLOCK_BYTES);
    outer.fill(0x5c, block.length, BLOCK_BYTES);
    for (let at = 0; at < block.length; at++) {
      inner[at] = block[at]! ^ 0x36;
      outer[at] = block[at]! ^ 0x5c;
    }
    inner.set(message, BLOCK_BYTES);
    outer.set(sha256(inner), BLOCK_BYTES);
    return sha256(outer);
  },
  ed25519Verify(publicKey, message, signature) {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    try {
      return verify(null, message, keyObject(publicKey), signature);
    } catch {
      return false;
    }
  },
};

/** Reading a key takes as long as a signature: the few that sign nearly everything are kept. */
const KEPT_KEYS = 64;
const kept = new Map<string, KeyObject>();

function keyObject(publicKey: Uint8Array): KeyObject {
  const name = Buffer.from(publicKey).toString('latin1');
  const known = kept.get(name);
  if (known) return known;
  const key = createPublicKey({ key: Buffer.concat([SPKI_ED25519_PREFIX, publicKey]), format: 'der', type: 'spki' });
  if (kept.size === KEPT_KEYS) kept.delete(kept.keys().next().value!);
  kept.set(name, key);
  return key;
}

function sha256(data: Uint8Array): Uint8Array {
  const text = hash('sha256', data, 'binary');
  const digest = new Uint8Array(DIGEST_BYTES);
  for (let at = 0; at < DIGEST_BYTES; at++) digest[at] = text.charCodeAt(at);
  return digest;
}
