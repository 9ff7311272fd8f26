import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto';
import { type Component, SIGNATURE_TAG, signatureBase } from '#proof';

/** A key with which requests are signed. */
export interface RequestSigningKey {
  /** Its id at the API: `sgk-` and 17 hexadecimal digits. */
  keyId: string;
  /** Ed25519. */
  privateKey: KeyObject;
}

export interface UnsignedRequest {
  method: string;
  url: string;
  /** In lower case; with an Idempotency-Key. */
  headers: Record<string, string>;
  body?: string;
}

/**
 * The request's headers with a signature over all that decides what it does (RFC 9421), and the digest of its body (RFC
 * 9530). Each call draws a nonce of its own: an attempt that is repeated under one Idempotency-Key is signed anew.
 */
export function signedHeaders({ keyId, privateKey }: RequestSigningKey, request: UnsignedRequest) {
  const { method, url, body } = request;
  const { host, pathname, search } = new URL(url);
  const headers = { ...request.headers };
  if (body !== undefined) {
    headers['content-digest'] = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
  }
  const components: Component[] = [
    ['@method', method],
    ['@authority', host],
    ['@path', pathname],
    ['@query', search === '' ? '?' : search],
    ...['content-digest', 'idempotency-key', 'if-match'].flatMap((name): Component[] => {
      const value = headers[name];
      return value === undefined ? [] : [[name, value]];
    }),
  ];
  const names = components.map(([name]) => `"${name}"`).join(' ');
  const created = Math.floor(Date.now() / 1000);
  const nonce = randomBytes(16).toString('base64url');
  const input = `(${names});created=${created};nonce="${nonce}";keyid="${keyId}";alg="ed25519";tag="${SIGNATURE_TAG}"`;
  const signature = sign(null, signatureBase(components, input), privateKey).toString('base64');
  headers['signature-input'] = `freehold=${input}`;
  headers.signature = `freehold=:${signature}:`;
  return headers;
}
