import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { utf8 } from '#merkle';
import { type EvidenceDocument, enrolmentStatement, type SigningKeyLink, signatureBase } from '../index.js';

const PKCS8_ED25519_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

interface SampleRequest {
  method: string;
  path: string;
  query?: string;
  body?: string;
  ifMatch?: string;
}

/** Someone with a signing key that is the same in every run, and the evidence of requests that they sign. */
export class SampleActor {
  readonly keyId: string;
  readonly userId: string;
  private readonly privateKey: KeyObject;

  constructor(readonly name = 'actor') {
    const seed = createHash('sha256').update(`freehold sample actor ${name}`).digest();
    this.privateKey = createPrivateKey({
      key: Buffer.concat([PKCS8_ED25519_PREFIX, seed]),
      format: 'der',
      type: 'pkcs8',
    });
    this.keyId = `sgk-${seed.toString('hex').slice(0, 17)}`;
    this.userId = `usr-${seed.toString('hex').slice(17, 34)}`;
  }

  get publicKey(): Uint8Array {
    return new Uint8Array(createPublicKey(this.privateKey).export({ format: 'der', type: 'spki' }).subarray(-32));
  }

  sign(message: Uint8Array): Uint8Array {
    return new Uint8Array(sign(null, message, this.privateKey));
  }

  /** The actor's key, enrolled by another's or, without one, by itself as the root. */
  link(scope: { origin: string; tenant: string }, enrolledBy: SampleActor | null, root: SampleActor): SigningKeyLink {
    const named = {
      keyId: this.keyId,
      userId: this.userId,
      publicKey: Buffer.from(this.publicKey).toString('base64'),
      enrolledBy: enrolledBy?.keyId ?? 'root',
    };
    const statement = utf8(enrolmentStatement(scope, named));
    const base64 = (signature: Uint8Array) => Buffer.from(signature).toString('base64');
    return {
      ...named,
      signature: base64((enrolledBy ?? root).sign(statement)),
      possession: base64(this.sign(statement)),
    };
  }

  /** @param without a component that the signature does not cover */
  evidence(request: SampleRequest, { without = '' } = {}): EvidenceDocument {
    const { method, path, query = '?', body, ifMatch } = request;
    const digest = body === undefined ? null : createHash('sha256').update(body).digest('base64');
    const components = (
      [
        ['@method', method],
        ['@authority', 'api.example'],
        ['@path', path],
        ['@query', query],
        ['content-digest', digest && `sha-256=:${digest}:`],
        ['idempotency-key', 'key-1'],
        ['if-match', ifMatch ?? null],
      ] as [string, string | null][]
    ).filter((one): one is [string, string] => one[1] !== null && one[0] !== without);
    const names = components.map(([name]) => `"${name}"`).join(' ');
    const signatureInput = `(${names});created=1800000000;nonce="nonce-1";keyid="${this.keyId}";tag="freehold-v1"`;
    return {
      keyId: this.keyId,
      signatureInput,
      signature: Buffer.from(this.sign(signatureBase(components, signatureInput))).toString('base64'),
      components,
      content: body === undefined ? null : Buffer.from(body).toString('base64'),
    };
  }
}
