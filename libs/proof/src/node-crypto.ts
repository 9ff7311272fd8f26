import { createHmac, createPublicKey, hash, verify } from 'node:crypto';
import type { ProofCrypto } from './proof-crypto.js';

const SPKI_ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** The primitives of Node's own crypto (OpenSSL). */
export const nodeCrypto: ProofCrypto = {
  sha256: (data) => plain(hash('sha256', data, 'buffer')),
  hmacSha256: (key, message) => plain(createHmac('sha256', key).update(message).digest()),
  ed25519Verify(publicKey, message, signature) {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    try {
      const spki = Buffer.concat([SPKI_ED25519_PREFIX, publicKey]);
      return verify(null, message, createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature);
    } catch {
      return false;
    }
  },
};

/** A Buffer's `slice` shares memory where an array's copies; what leaves here behaves the same everywhere. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
