import { createHash } from 'node:crypto';
import { canonicalJson, type JsonValue } from '#kernel';
import type { NbRow } from '#ovn';

/** SHA-256 of the rows as canonical JSON (RFC 8785), in the order in which they are rendered. */
export function planDigest(rows: readonly NbRow[]): Uint8Array {
  return createHash('sha256')
    .update(canonicalJson(rows as unknown as JsonValue))
    .digest();
}
