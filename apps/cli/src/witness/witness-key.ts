import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { COSIGNATURE_V1, type NoteKey, noteKey } from '#merkle';
import { nodeCrypto } from '#proof';
import { UsageError } from '../cli-errors.js';

const PKCS8_ED25519_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const KEY_BYTES = 32;

/** A witness's signing key with the name that it signs under. */
export interface WitnessKey {
  key: NoteKey;
  sign(message: Uint8Array): Uint8Array;
}

/** A fresh key as text: `PRIVATE+KEY+<name>+<key id>+<base64(type || seed)>`, in the manner of Go's signed notes. */
export function drawWitnessKey(name: string): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-KEY_BYTES);
  const { key } = withSeed(name, seed);
  const id = key.keyId.toString(16).padStart(8, '0');
  return `PRIVATE+KEY+${name}+${id}+${Buffer.concat([Buffer.of(COSIGNATURE_V1), seed]).toString('base64')}`;
}

/** @throws UsageError for what is no such key; never says what was in the file */
export function parseWitnessKey(text: string, path: string): WitnessKey {
  const [, name, id, encoded] = /^PRIVATE\+KEY\+([^+\s]+)\+([0-9a-f]{8})\+(\S+)\s*$/.exec(text) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (name === undefined || bytes.length !== 1 + KEY_BYTES || bytes[0] !== COSIGNATURE_V1) {
    throw new UsageError(`${path} holds no key of a witness`);
  }
  const witness = withSeed(name, bytes.subarray(1));
  if (witness.key.keyId !== Number.parseInt(id!, 16)) throw new UsageError(`the key in ${path} is damaged`);
  return witness;
}

function withSeed(name: string, seed: Uint8Array): WitnessKey {
  const privateKey: KeyObject = createPrivateKey({
    key: Buffer.concat([PKCS8_ED25519_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return {
    key: noteKey(nodeCrypto.sha256, name, new Uint8Array(spki.subarray(-KEY_BYTES)), COSIGNATURE_V1),
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  };
}
