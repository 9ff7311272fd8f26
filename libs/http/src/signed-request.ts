import { createPublicKey, type KeyObject, randomBytes, verify } from 'node:crypto';
import type { RequestSignature } from '#kernel';
import { FormatError } from '#merkle';
import {
  type Component,
  EVIDENCE_SALT_BYTES,
  encodeEvidence,
  evidenceCommitment,
  nodeCrypto,
  OPTIONAL_COMPONENTS,
  REQUIRED_COMPONENTS,
  signatureBase,
} from '#proof';
import type { PresentedSignature } from './presented-signature.js';
import {
  componentMissing,
  componentUnsupported,
  fieldMissing,
  malformed,
  outsideWindow,
  parameterMissing,
  signatureWrong,
} from './signature.errors.js';

/** What of a request a signature can cover. */
export interface SignableRequest {
  method: string;
  /** The request's target as it was sent: path and query. */
  url: string;
  headers: Record<string, string | string[] | undefined>;
  /** The bytes of the body, when there is one. */
  body?: Buffer;
}

/** How old a signature may be, and how far ahead the clock that made it, in seconds. */
export interface SignatureWindow {
  past: number;
  future: number;
}

/** What is known of the request before its signature counts. */
export interface SignatureExpectations {
  /** A change: it happens once, and leaves evidence. */
  change: boolean;
  /** The body holds a secret: the evidence does not keep it. */
  secretBody: boolean;
  /** Unix seconds. */
  now: number;
  window: SignatureWindow;
}

const NONCE = /^[\x21-\x7e]{8,128}$/;
const ALLOWED: ReadonlySet<string> = new Set([...REQUIRED_COMPONENTS, ...OPTIONAL_COMPONENTS]);
const ALGORITHM = 'ed25519';

/**
 * Holds everything of a signature against the request but its arithmetic: parameters, times, and that all is covered.
 * @returns the covered components in their order
 * @throws SignatureError
 */
export function requireCovering(
  { input }: PresentedSignature,
  request: SignableRequest,
  { change, now, window }: SignatureExpectations,
): Component[] {
  const { created, expires, nonce, algorithm } = input;
  if (created === null) throw parameterMissing('created');
  if (nonce === null) throw parameterMissing('nonce');
  if (!NONCE.test(nonce)) throw malformed('the nonce is not 8 to 128 printable ASCII characters without spaces');
  if (algorithm !== null && algorithm !== ALGORITHM) throw malformed(`the algorithm is not ${ALGORITHM}`);
  if (created < now - window.past) throw outsideWindow('SignatureExpired', `it was made ${now - created} s ago`);
  if (created > now + window.future) {
    throw outsideWindow('SignatureNotYetValid', `it was made ${created - now} s in the future`);
  }
  if (expires !== null && expires < now) {
    throw outsideWindow('SignatureExpired', `it expired ${now - expires} s ago`);
  }
  requireComponents(input.components, request, change);
  return input.components.map((name): Component => [name, componentValue(name, request)]);
}

function requireComponents(covered: readonly string[], request: SignableRequest, change: boolean): void {
  const stranger = covered.find((name) => !ALLOWED.has(name));
  if (stranger !== undefined) throw componentUnsupported(stranger);
  const { headers, body } = request;
  for (const name of REQUIRED_COMPONENTS) {
    if (name === 'idempotency-key' && !change && headers[name] === undefined) continue;
    if (!name.startsWith('@') && headers[name] === undefined) throw fieldMissing(name);
    if (!covered.includes(name)) throw componentMissing(name);
  }
  if (body && body.length > 0) {
    if (headers['content-digest'] === undefined) throw fieldMissing('content-digest');
    if (!covered.includes('content-digest')) throw componentMissing('content-digest');
  }
  if (headers['if-match'] !== undefined && !covered.includes('if-match')) throw componentMissing('if-match');
}

/** The value of a component (RFC 9421 section 2). */
function componentValue(name: string, { method, url, headers }: SignableRequest): string {
  const queryAt = url.indexOf('?');
  switch (name) {
    case '@method':
      return method;
    case '@authority':
      return authorityOf(headers.host);
    case '@path':
      return queryAt < 0 ? url : url.slice(0, queryAt);
    case '@query':
      return queryAt < 0 ? '?' : url.slice(queryAt);
  }
  const value = headers[name];
  if (typeof value !== 'string') throw fieldMissing(name);
  return value;
}

/** In lower case, without the port that its scheme has anyway. */
function authorityOf(host: string | string[] | undefined): string {
  if (typeof host !== 'string') throw fieldMissing('host');
  return host.toLowerCase().replace(/:(?:80|443)$/, '');
}

/** The signature base. @throws SignatureError when a covered value has no place in it */
export function baseOf(components: readonly Component[], { signatureInput }: PresentedSignature): Uint8Array {
  try {
    return signatureBase(components, signatureInput);
  } catch (error) {
    throw error instanceof FormatError ? malformed(error.message) : error;
  }
}

const SPKI_ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const MOST_KEYS = 10_000;

/** Checks Ed25519 signatures in the thread pool. Keeps the keys used last, ready for use. */
export class SignatureChecker {
  private readonly keys = new Map<string, KeyObject>();

  /** @param publicKey 32 bytes @throws SignatureError */
  async require(base: Uint8Array, signature: Uint8Array, publicKey: Buffer): Promise<void> {
    const key = this.keyOf(publicKey);
    const holds = await new Promise<boolean>((resolve, reject) => {
      verify(null, base, key, signature, (error, result) => (error ? reject(error) : resolve(result)));
    });
    if (!holds) throw signatureWrong();
  }

  private keyOf(publicKey: Buffer): KeyObject {
    const name = publicKey.toString('latin1');
    const known = this.keys.get(name);
    if (known) return known;
    const spki = Buffer.concat([SPKI_ED25519_PREFIX, publicKey]);
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    this.keys.set(name, key);
    if (this.keys.size > MOST_KEYS) this.keys.delete(this.keys.keys().next().value as string);
    return key;
  }
}

/** The verified signature of a change, with the evidence that will be kept of it under a salt of its own. */
export function requestSignature(
  { keyId, input, signatureInput, signature }: PresentedSignature,
  components: readonly Component[],
  { body }: SignableRequest,
  { secretBody }: SignatureExpectations,
): RequestSignature {
  const document = encodeEvidence({
    keyId,
    signatureInput,
    signature: Buffer.from(signature).toString('base64'),
    components,
    content: secretBody || !body || body.length === 0 ? null : body.toString('base64'),
  });
  const salt = randomBytes(EVIDENCE_SALT_BYTES);
  return {
    keyId,
    nonce: input.nonce!,
    evidence: { document, salt, commitment: evidenceCommitment(nodeCrypto, salt, document) },
  };
}
