/** Ed25519 over a one-line statement of what is signed, so that a signature of one kind is never one of another. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';
import { UntrustedSignatureError } from './dataset.errors.js';

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** Whoever signs manifests: the client's key file now, an agent or a token later. */
export interface ManifestSigner {
  /** 32 bytes. */
  publicKey: Uint8Array;
  /** 64 bytes over `message` itself. */
  sign(message: Uint8Array): Uint8Array;
}

/** A signer over an Ed25519 private key in PEM (PKCS #8). */
export function signerFromPem(pem: string): ManifestSigner {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new UntrustedSignatureError('signing key', 'not a private key in PEM');
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new UntrustedSignatureError('signing key', 'not an Ed25519 key');
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-PUBLIC_KEY_BYTES);
  return { publicKey, sign: (message) => signBytes(null, message, key) };
}

/** A new Ed25519 private key in PEM (PKCS #8). */
export function newSigningKeyPem(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

/** True when `signature` is the key's over `message`; false for anything malformed. */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  try {
    const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' });
    return verifyBytes(null, message, key, signature);
  } catch {
    return false;
  }
}
