import { randomBytes } from 'node:crypto';
import { decrypt, encrypt } from './aes-gcm.js';
import type { Kek, WrappedKey } from './kek.js';
import { SealBrokenError } from './keyring.errors.js';

const MAGIC = Buffer.from('FHE1');
const DATA_KEY_BYTES = 32;

/**
 * Seals what must be stored but not read: envelope encryption under the key-encryption key. Each message gets its own data
 * key. `aad` says what the message is and whose; it is not stored, and the same must be given to open it.
 *
 * Layout: `"FHE1" || keyIdLength u8 || keyId || wrappedLength u16 BE || wrapped data key || nonce (12) || ciphertext || tag`.
 * The GCM tag also covers everything before the nonce.
 */
export class Keyring {
  constructor(private readonly kek: Kek) {}

  /** @throws KekUnavailableError */
  async seal(plaintext: Uint8Array, aad: Uint8Array): Promise<Uint8Array> {
    const dataKey = randomBytes(DATA_KEY_BYTES);
    try {
      const header = encodeHeader(await this.kek.wrap(dataKey));
      return Buffer.concat([header, encrypt(dataKey, plaintext, Buffer.concat([header, aad]))]);
    } finally {
      dataKey.fill(0);
    }
  }

  /** @throws KekUnavailableError; SealBrokenError */
  async open(sealed: Uint8Array, aad: Uint8Array): Promise<Uint8Array> {
    const { key, headerLength } = decodeHeader(Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength));
    const dataKey = await this.kek.unwrap(key);
    try {
      const header = sealed.subarray(0, headerLength);
      const plaintext = decrypt(dataKey, sealed.subarray(headerLength), Buffer.concat([header, aad]));
      if (!plaintext) throw new SealBrokenError('the sealed bytes were changed, or are not what they are opened as');
      return plaintext;
    } finally {
      dataKey.fill(0);
    }
  }
}

function encodeHeader({ keyId, wrapped }: WrappedKey): Buffer {
  const id = Buffer.from(keyId, 'ascii');
  const lengths = Buffer.alloc(3);
  lengths.writeUInt8(id.length, 0);
  lengths.writeUInt16BE(wrapped.length, 1);
  return Buffer.concat([MAGIC, lengths.subarray(0, 1), id, lengths.subarray(1), wrapped]);
}

function decodeHeader(sealed: Buffer): { key: WrappedKey; headerLength: number } {
  const idAt = MAGIC.length + 1;
  if (sealed.length < idAt || !sealed.subarray(0, MAGIC.length).equals(MAGIC)) throw notSealed();
  const lengthAt = idAt + sealed.readUInt8(MAGIC.length);
  if (sealed.length < lengthAt + 2) throw notSealed();
  const wrappedAt = lengthAt + 2;
  const headerLength = wrappedAt + sealed.readUInt16BE(lengthAt);
  if (sealed.length < headerLength) throw notSealed();
  return {
    key: {
      keyId: sealed.subarray(idAt, lengthAt).toString('latin1'),
      wrapped: sealed.subarray(wrappedAt, headerLength),
    },
    headerLength,
  };
}

function notSealed(): SealBrokenError {
  return new SealBrokenError('these bytes were not sealed by this keyring');
}
