import { secp256k1 } from '@noble/curves/secp256k1.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { FormatError, fromHex, toHex, utf8 } from '#merkle';

/** What an EVM chain is made of, for proofs that are checked without one: its hash, its signatures, its names. */

export const keccak256 = (...parts: Uint8Array[]): Uint8Array => {
  const hash = keccak_256.create();
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** A word of the EVM: 32 bytes, big-endian. */
export function word(value: number | bigint): Uint8Array {
  return fromHex(BigInt(value).toString(16).padStart(64, '0'));
}

/** The bytes of `0x` and lower-case digits. @throws FormatError */
export function fromPrefixedHex(text: string): Uint8Array {
  if (!text.startsWith('0x')) throw new FormatError('hex: no 0x before the digits');
  return fromHex(text.slice(2));
}

export function toPrefixedHex(bytes: Uint8Array): string {
  return `0x${toHex(bytes)}`;
}

/** How AnchorRegistry names a log: SHA-256 of its origin, `0x` and 64 digits. */
export function anchorLogId(origin: string): string {
  return toPrefixedHex(sha256(utf8(origin)));
}

/**
 * Whose signature this is, as `0x` and 40 lower-case digits. The malleated twin of a signature (a large s, EIP-2) is none.
 * @param recovery 0 or 1: which of the two possible keys it was
 * @throws FormatError
 */
export function recoverAddress(digest: Uint8Array, compact: Uint8Array, recovery: number): string {
  if (compact.length !== 64 || (recovery !== 0 && recovery !== 1)) throw new FormatError('the signature is malformed');
  try {
    const signature = secp256k1.Signature.fromBytes(compact, 'compact');
    if (signature.hasHighS()) throw new FormatError('the signature is a malleated one');
    const point = signature.addRecoveryBit(recovery).recoverPublicKey(digest);
    return toPrefixedHex(keccak256(point.toBytes(false).subarray(1)).subarray(12));
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError('the signature is not one', { cause });
  }
}
