import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { Caller, TestReply } from './test-api.js';

/**
 * Signs requests as RFC 9421 says, with nothing but node:crypto and none of the project's code: what an actor who read
 * docs/signing-requests.md would write.
 */
export class RequestSigner {
  readonly keyId = `sgk-${randomBytes(9).toString('hex').slice(0, 17)}`;
  readonly publicKey: string;
  readonly privateKey: KeyObject;

  constructor() {
    const pair = generateKeyPairSync('ed25519');
    this.privateKey = pair.privateKey;
    this.publicKey = rawPublicKey(pair.publicKey).toString('base64');
  }

  sign(text: string): Buffer {
    return sign(null, Buffer.from(text), this.privateKey);
  }

  /** The headers that make a request a signed one. */
  headers(request: SignedRequest, changes: SignatureChanges = {}): Record<string, string> {
    const target = new URL(request.url);
    const sent: Record<string, string> = { 'idempotency-key': randomBytes(16).toString('hex'), ...request.headers };
    if (request.body !== undefined) {
      sent['content-digest'] ??= `sha-256=:${createHash('sha256').update(request.body).digest('base64')}:`;
    }
    const names = [
      '@method',
      '@authority',
      '@path',
      '@query',
      ...['content-digest', 'idempotency-key', 'if-match'].filter((name) => name in sent),
      ...(changes.more ?? []),
    ].filter((name) => !changes.without?.includes(name));
    const values: Record<string, string> = {
      '@method': request.method,
      '@authority': target.host,
      '@path': target.pathname,
      '@query': target.search || '?',
      ...sent,
    };
    const {
      created = Math.floor(Date.now() / 1000),
      nonce = randomBytes(16).toString('base64url'),
      keyId = this.keyId,
      tag = 'freehold-v1',
      label = 'sig1',
      parameters = '',
    } = changes;
    const covered = names.map((name) => `"${name}"`).join(' ');
    const input = `(${covered});created=${created};nonce="${nonce}";keyid="${keyId}";alg="ed25519"${parameters};tag="${tag}"`;
    const base = [...names.map((name) => `"${name}": ${values[name] ?? ''}`), `"@signature-params": ${input}`].join(
      '\n',
    );
    const signature = this.sign(base).toString('base64');
    return { ...sent, 'signature-input': `${label}=${input}`, signature: `${label}=:${signature}:` };
  }

  /** A caller whose requests are all signed. */
  caller(url: string, call: Caller): Caller {
    return (method, path, body, headers = {}) => {
      const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
      const signed = this.headers({ method, url: url + path, body: text, headers });
      return call(method, path, text, { ...headers, ...signed });
    };
  }

  /** The body that enrols this key for the caller's user; `enroller` signs the statement. */
  async enrolment(call: Caller, enroller: { id: string; sign(text: string): Buffer }) {
    const { statement } = (await call('GET', '/v1/signing-keys/enrolment')).body as { statement: string };
    return this.enrolmentOf(statement, enroller);
  }

  /** The same from a statement that was asked for already. */
  enrolmentOf(statement: string, enroller: { id: string; sign(text: string): Buffer }) {
    const filled = statement
      .replace('{keyId}', this.keyId)
      .replace('{publicKey}', this.publicKey)
      .replace('{enrolledBy}', enroller.id);
    return {
      id: this.keyId,
      name: 'a key of a test',
      publicKey: this.publicKey,
      enrolledBy: enroller.id,
      signature: enroller.sign(filled).toString('base64'),
      possession: this.sign(filled).toString('base64'),
    };
  }

  async enrol(call: Caller, enroller: { id: string; sign(text: string): Buffer }): Promise<TestReply> {
    const reply = await call('POST', '/v1/signing-keys', await this.enrolment(call, enroller));
    if (reply.status !== 201) throw new Error(`not enrolled: ${JSON.stringify(reply.body)}`);
    return reply;
  }

  /** This key as the one that enrols another. */
  get asEnroller() {
    return { id: this.keyId, sign: (text: string) => this.sign(text) };
  }
}

export interface SignedRequest {
  method: string;
  /** With its host, path and query. */
  url: string;
  body?: string;
  /** Headers that are sent, and covered where a signature covers them. */
  headers?: Record<string, string>;
}

/** How a signature differs from a good one. */
export interface SignatureChanges {
  without?: string[];
  more?: string[];
  created?: number;
  nonce?: string;
  keyId?: string;
  tag?: string;
  label?: string;
  /** Further parameters, as they stand in the input. */
  parameters?: string;
}

/** A tenant's root key, as the one that enrols its first signing key. */
export class RootKey {
  readonly id = 'root';
  private readonly pair = generateKeyPairSync('ed25519');

  /** Base64 of 32 bytes. */
  get publicKey(): string {
    return rawPublicKey(this.pair.publicKey).toString('base64');
  }

  sign(text: string): Buffer {
    return sign(null, Buffer.from(text), this.pair.privateKey);
  }
}

function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(-32);
}
