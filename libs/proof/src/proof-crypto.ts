import type { Ed25519Verify, Sha256 } from '#merkle';

/**
 * The three primitives that every proof rests on, handed in: Node, a browser and an auditor's own implementation give the
 * same answers. None of them may keep its arguments.
 */
export interface ProofCrypto {
  sha256: Sha256;
  /** HMAC-SHA-256 (RFC 2104). */
  hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array;
  /** Gives false, and does not throw, for a malformed key or signature. */
  ed25519Verify: Ed25519Verify;
}
