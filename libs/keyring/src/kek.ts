/** A data key under the key-encryption key. */
export interface WrappedKey {
  /** Names the key-encryption key that wrapped it; 1 to 255 bytes of printable ASCII. Not a secret. */
  keyId: string;
  /** At most 65,535 bytes. Only the adapter that made it can read it. */
  wrapped: Uint8Array;
}

/**
 * The key-encryption key, which never leaves its adapter: a file in development, an external command (a KMS, an HSM, a
 * secret manager) in production. It wraps data keys of 32 bytes and sees nothing else.
 */
export abstract class Kek {
  /** @throws KekUnavailableError */
  abstract wrap(dataKey: Uint8Array): Promise<WrappedKey>;
  /** @throws KekUnavailableError; SealBrokenError when this is not the key that wrapped it. */
  abstract unwrap(key: WrappedKey): Promise<Uint8Array>;
}
