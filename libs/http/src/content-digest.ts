import { hash } from 'node:crypto';
import { equalBytes, FormatError } from '#merkle';
import { parseContentDigest } from '#proof';
import { digestRefused } from './signature.errors.js';

/** Algorithms of RFC 9530 that are not insecure, and Node's names for them. */
const ALGORITHMS = { 'sha-256': 'sha256', 'sha-512': 'sha512' } as const;
const NOTHING = Buffer.alloc(0);

/**
 * Holds Content-Digest against the bytes that came. Every digest of an algorithm that we know must be right.
 * @param signed a signature covers it: then SHA-256 must be among them, because evidence is checked with nothing else
 * @throws InvalidInputError
 */
export function requireContentDigest(field: string, body: Uint8Array = NOTHING, { signed = false } = {}): void {
  const digests = read(field);
  let known = 0;
  for (const [algorithm, name] of Object.entries(ALGORITHMS)) {
    const digest = digests.get(algorithm);
    if (!digest) continue;
    known += 1;
    if (equalBytes(digest, hash(name, body, 'buffer'))) continue;
    throw digestRefused(
      'content',
      `the ${algorithm} of the body that came is another`,
      'compute it over the exact bytes of the body that is sent',
    );
  }
  if (known > 0 && (!signed || digests.has('sha-256'))) return;
  throw digestRefused(
    'algorithm',
    `it has no ${signed ? 'SHA-256' : 'digest that is checked here'}`,
    'send sha-256=:<base64>:',
  );
}

function read(field: string): Map<string, Uint8Array> {
  try {
    return parseContentDigest(field);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw digestRefused('form', error.message, 'send sha-256=:<base64 of the SHA-256 of the body>:');
  }
}
