import { createHash } from 'node:crypto';
import type { Hex } from '#chain';

/** Bytes of the database as the chain writes them: 0x and lower-case digits. */
export function hexOf(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

/** What the chain writes as bytes for the database. */
export function bytesOf(hex: Hex): Buffer {
  return Buffer.from(hex.slice(2), 'hex');
}

/** How the contract names a log: SHA-256 of its origin. */
export function logIdOf(origin: string): Hex {
  return hexOf(createHash('sha256').update(origin).digest());
}
