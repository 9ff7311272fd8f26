import { equalBytes, FormatError, fromBase64, toHex, utf8 } from '#merkle';
import { parseCanonical } from './canonical-parse.js';
import { parseContentDigest } from './content-digest.js';
import { membersOf } from './ledger-body.js';
import type { ProofCrypto } from './proof-crypto.js';
import {
  type Component,
  OPTIONAL_COMPONENTS,
  parseSignatureInput,
  REQUIRED_COMPONENTS,
  SIGNATURE_TAG,
  signatureBase,
} from './signature-input.js';

/**
 * Evidence, version 1 (docs/formats/evidence-v1.md): everything of a signed request that is needed to check its signature
 * again, by anyone, with no service. The entries that the request made hold its salted commitment; the document itself is
 * kept apart from them and can be erased.
 */
export interface EvidenceDocument {
  /** The signing key that the actor used: `sgk-` and 17 hexadecimal digits. */
  keyId: string;
  /** The value of the signature's member of Signature-Input, as it was signed. */
  signatureInput: string;
  /** Base64 of the 64 bytes of an Ed25519 signature. */
  signature: string;
  /** The covered components in their order. */
  components: readonly Component[];
  /** Base64 of the request's body; null when it has none, or when it holds a secret and is kept nowhere. */
  content: string | null;
}

/** What a signed request asked for, once its signature held. */
export interface EvidenceFacts {
  keyId: string;
  method: string;
  authority: string;
  path: string;
  /** With its question mark, as it was sent: `?` when there was none. */
  query: string;
  /** Null when there was none, or it was a secret one. */
  body: Uint8Array | null;
  /** Whether there was a body that the evidence does not show. */
  bodyWithheld: boolean;
  /** Unix seconds, by the actor's clock. */
  created: number;
  nonce: string;
  idempotencyKey: string;
  /** The version that the actor had seen, as an entity tag. */
  ifMatch: string | null;
}

export const EVIDENCE_SALT_BYTES = 32;
export const MAX_EVIDENCE_BYTES = 2 << 20;
const SIGNING_KEY_ID = /^sgk-[0-9a-f]{17}$/;
const COVERED: ReadonlySet<string> = new Set([...REQUIRED_COMPONENTS, ...OPTIONAL_COMPONENTS]);

/** The document's bytes: what the commitment is made over. Its texts are ASCII, as those of a signature base are. */
export function encodeEvidence({
  keyId,
  signatureInput,
  signature,
  components,
  content,
}: EvidenceDocument): Uint8Array {
  // Canonical JSON of known members, written out: one is made for every signed change.
  const shown = content === null ? 'null' : `"${content}"`;
  return utf8(
    `{"components":${JSON.stringify(components)},"content":${shown},"keyId":"${keyId}","signature":"${signature}","signatureInput":${JSON.stringify(signatureInput)},"type":"freehold-evidence","v":1}`,
  );
}

/** `HMAC-SHA-256(salt, document)` in hexadecimal: what an entry's `vouched.evidence` holds. @throws FormatError */
export function evidenceCommitment(crypto: ProofCrypto, salt: Uint8Array, document: Uint8Array): string {
  if (salt.length !== EVIDENCE_SALT_BYTES) throw new FormatError('the salt of evidence is 32 bytes');
  return toHex(crypto.hmacSha256(salt, document));
}

/** @throws FormatError when the bytes are not exactly what `encodeEvidence` makes */
export function parseEvidence(document: Uint8Array): EvidenceDocument {
  if (document.length > MAX_EVIDENCE_BYTES) throw new FormatError('the evidence is too long');
  const names = ['v', 'type', 'keyId', 'signatureInput', 'signature', 'components', 'content'];
  const value = membersOf(parseCanonical(document, 'evidence'), 'evidence', names);
  const { keyId, signatureInput, signature, components, content } = value;
  if (value.v !== 1 || value.type !== 'freehold-evidence') throw new FormatError('not evidence of version 1');
  if (typeof keyId !== 'string' || !SIGNING_KEY_ID.test(keyId))
    throw new FormatError("the evidence's key id is malformed");
  if (typeof signatureInput !== 'string' || typeof signature !== 'string') {
    throw new FormatError('the evidence has no signature');
  }
  if (!Array.isArray(components) || !components.every(isComponent)) {
    throw new FormatError("the evidence's components are not pairs of a name and a value");
  }
  if (content !== null && typeof content !== 'string') throw new FormatError("the evidence's content is not base64");
  return { keyId, signatureInput, signature, components, content };
}

function isComponent(value: unknown): value is Component {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');
}

/**
 * What the actor asked for, when the evidence holds: its components are those that were signed, the signature is the key's,
 * and the content is the one whose digest was signed.
 * @param publicKey Ed25519, 32 bytes: the signing key as the chain of enrolments gives it
 * @throws FormatError saying what does not hold
 */
export async function verifyEvidence(
  crypto: ProofCrypto,
  document: Uint8Array,
  publicKey: Uint8Array,
): Promise<EvidenceFacts> {
  const evidence = parseEvidence(document);
  const facts = evidenceFacts(crypto, evidence);
  const base = signatureBase(evidence.components, evidence.signatureInput);
  if (!(await crypto.ed25519Verify(publicKey, base, fromBase64(evidence.signature)))) {
    throw new FormatError(`the signature of the request is not one of ${evidence.keyId}`);
  }
  return facts;
}

/** What the document says, with its parts held against each other; the signature itself is not checked. */
function evidenceFacts(
  crypto: ProofCrypto,
  { keyId, signatureInput, components, content }: EvidenceDocument,
): EvidenceFacts {
  const input = parseSignatureInput(signatureInput);
  if (input.tag !== SIGNATURE_TAG) throw new FormatError(`the signature's tag is not ${SIGNATURE_TAG}`);
  if (input.keyId !== keyId) throw new FormatError('the signature names another key than the evidence');
  if (input.created === null || input.nonce === null) throw new FormatError('the signature has no time or no nonce');
  const names = components.map(([name]) => name);
  if (names.join() !== input.components.join()) throw new FormatError('the components are not those that were signed');
  const stranger = names.find((name) => !COVERED.has(name));
  if (stranger !== undefined) throw new FormatError(`the component ${stranger} has no place in evidence`);
  const values = new Map(components);
  const missing = REQUIRED_COMPONENTS.find((name) => !values.has(name));
  if (missing !== undefined) throw new FormatError(`the signature does not cover ${missing}`);
  const digest = values.get('content-digest');
  const body = content === null ? null : fromBase64(content);
  if (body) requireContent(crypto, digest, body);
  return {
    keyId,
    method: values.get('@method')!,
    authority: values.get('@authority')!,
    path: values.get('@path')!,
    query: values.get('@query')!,
    body,
    bodyWithheld: body === null && digest !== undefined && !isDigestOfNothing(crypto, digest),
    created: input.created,
    nonce: input.nonce,
    idempotencyKey: values.get('idempotency-key')!,
    ifMatch: values.get('if-match') ?? null,
  };
}

function isDigestOfNothing(crypto: ProofCrypto, digest: string): boolean {
  const signed = parseContentDigest(digest).get('sha-256');
  return signed !== undefined && equalBytes(signed, crypto.sha256(new Uint8Array(0)));
}

function requireContent(crypto: ProofCrypto, digest: string | undefined, content: Uint8Array): void {
  if (digest === undefined) throw new FormatError('the signature does not cover the content');
  const signed = parseContentDigest(digest).get('sha-256');
  if (!signed || !equalBytes(signed, crypto.sha256(content))) {
    throw new FormatError('the content is not the one whose digest was signed');
  }
}
