import { createHash } from 'node:crypto';

/** How a log is known by in names of files: SHA-256 of its origin, hexadecimal. */
export function originHash(origin: string): string {
  return createHash('sha256').update(origin).digest('hex');
}
