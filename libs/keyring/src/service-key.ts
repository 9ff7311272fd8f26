import { createECDH, createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { inspect } from 'node:util';

export const SERVICE_KEY_ALGORITHMS = ['ed25519', 'secp256k1', 'symmetric-256'] as const;
export type ServiceKeyAlgorithm = (typeof SERVICE_KEY_ALGORITHMS)[number];

const PKCS8_ED25519_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SECRET_BYTES = 32;

/** What a service key is, apart from its secret. Printing, logging or serialising one shows this and nothing more. */
abstract class ServiceKey {
  constructor(
    readonly name: string,
    /** 1 for the first key of a name. */
    readonly version: number,
  ) {}

  abstract readonly algorithm: ServiceKeyAlgorithm;

  toJSON(): Record<string, unknown> {
    return { name: this.name, version: this.version, algorithm: this.algorithm };
  }

  [inspect.custom](): string {
    return `${this.algorithm} key ${this.name} v${this.version}`;
  }
}

/** An Ed25519 key (RFC 8032). */
export class Ed25519Key extends ServiceKey {
  readonly algorithm = 'ed25519';
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly #privateKey: KeyObject;

  constructor(name: string, version: number, seed: Uint8Array) {
    super(name, version);
    this.#privateKey = createPrivateKey({
      key: Buffer.concat([PKCS8_ED25519_PREFIX, seed]),
      format: 'der',
      type: 'pkcs8',
    });
    this.publicKey = createPublicKey(this.#privateKey).export({ format: 'der', type: 'spki' }).subarray(-32);
  }

  /** The 64-byte signature over `message` itself (no prehash). */
  sign(message: Uint8Array): Uint8Array {
    return sign(null, message, this.#privateKey);
  }
}

/** A key of a chain account or of an operator who signs anchors. */
export class Secp256k1Key extends ServiceKey {
  readonly algorithm = 'secp256k1';
  /** 65 bytes, uncompressed (SEC 1). */
  readonly publicKey: Uint8Array;
  readonly #secret: Uint8Array;

  constructor(name: string, version: number, secret: Uint8Array) {
    super(name, version);
    const curve = createECDH('secp256k1');
    curve.setPrivateKey(secret);
    this.publicKey = curve.getPublicKey();
    this.#secret = secret;
  }

  /** The 32-byte scalar, for the chain's own signing code. Never keep it, log it or put it in an error. */
  revealSecret(): Uint8Array {
    return this.#secret.slice();
  }
}

/** 32 random bytes for HMAC or encryption. */
export class SymmetricKey extends ServiceKey {
  readonly algorithm = 'symmetric-256';
  readonly publicKey = null;
  readonly #secret: Uint8Array;

  constructor(name: string, version: number, secret: Uint8Array) {
    super(name, version);
    this.#secret = secret;
  }

  /** The 32 bytes. Never keep them beyond the object that uses them, log them or put them in an error. */
  revealSecret(): Uint8Array {
    return this.#secret.slice();
  }
}

export interface ServiceKeyTypes {
  ed25519: Ed25519Key;
  secp256k1: Secp256k1Key;
  'symmetric-256': SymmetricKey;
}

/** Draws the secret of a new key: 32 bytes for every algorithm. */
export function newSecret(algorithm: ServiceKeyAlgorithm): Uint8Array {
  if (algorithm !== 'secp256k1') return randomBytes(SECRET_BYTES);
  // The scalar must lie below the curve's order: the curve draws it, without leading zero bytes, which are put back.
  const curve = createECDH('secp256k1');
  curve.generateKeys();
  const scalar = curve.getPrivateKey();
  return Buffer.concat([Buffer.alloc(SECRET_BYTES - scalar.length), scalar]);
}

export function serviceKey<A extends ServiceKeyAlgorithm>(
  algorithm: A,
  name: string,
  version: number,
  secret: Uint8Array,
): ServiceKeyTypes[A] {
  const types = { ed25519: Ed25519Key, secp256k1: Secp256k1Key, 'symmetric-256': SymmetricKey };
  return new types[algorithm](name, version, secret) as ServiceKeyTypes[A];
}
