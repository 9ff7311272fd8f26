import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type ApiKeyId, ID_PREFIXES } from '#kernel';

const SECRET_BYTES = 32;
const TOKEN = /^fh_([0-9a-f]{17})_([A-Za-z0-9_-]{43})$/;

/** An API key as the caller sends it: `fh_<17 hex digits of its id>_<256 bits, base64url>`. */
export interface ParsedApiKey {
  id: ApiKeyId;
  secret: string;
}

export function parseApiKey(token: string): ParsedApiKey | null {
  const match = TOKEN.exec(token);
  return match?.[1] && match[2] ? { id: `${ID_PREFIXES.apiKey}-${match[1]}` as ApiKeyId, secret: match[2] } : null;
}

/** Draws the secret part of a new key. */
export function newApiKeySecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

export function formatApiKey(id: ApiKeyId, secret: string): string {
  return `fh_${id.slice(ID_PREFIXES.apiKey.length + 1)}_${secret}`;
}

/**
 * Turns a key's secret into what is stored: HMAC-SHA-256 under a service key. A keyed hash of 256 random bits needs no
 * slow password hash, and takes microseconds where Argon2 would be a denial of service per request.
 */
export class ApiKeyHasher {
  constructor(private readonly key: Uint8Array) {}

  hash(secret: string): Buffer {
    return createHmac('sha256', this.key).update('freehold/api-key/v1\n').update(secret).digest();
  }

  /** Takes the same time whether the key exists or not: pass null for one that does not. */
  matches(secret: string, stored: Uint8Array | null): boolean {
    const computed = this.hash(secret);
    const equal = timingSafeEqual(computed, stored ?? computed.map((byte) => byte ^ 0xff));
    return equal && stored !== null;
  }
}
