import { FormatError, fromBase64 } from '#merkle';
import { type EvidenceFacts, evidenceCommitment, verifyEvidence } from './evidence.js';
import { type LedgerBody, parseBody } from './ledger-body.js';
import type { ProofCrypto } from './proof-crypto.js';
import { checkEffect } from './request-effect.js';

/** A signed entry with the request that it was made by, and the key that must have signed that. All in base64. */
export interface EvidenceJob {
  body: string;
  document: string;
  salt: string;
  publicKey: string;
}

/** What tells the request from others, or why it is not the one that made the entry. */
export type EvidenceVerdict = { ok: true; use: SignedUse } | { ok: false; detail: string };

/** What tells one signed request from another. */
export type SignedUse = Pick<EvidenceFacts, 'keyId' | 'nonce'>;

/**
 * Gives a verdict for each job, in their order. Handed in, because there may be hundreds of thousands of them, each a
 * signature: whoever has threads lets them do it with `checkEvidenceJob`.
 */
export type EvidenceChecker = (jobs: readonly EvidenceJob[]) => Promise<EvidenceVerdict[]>;

/** Never throws. */
export async function checkEvidenceJob(crypto: ProofCrypto, job: EvidenceJob): Promise<EvidenceVerdict> {
  try {
    const body = parseBody(fromBase64(job.body));
    const { facts } = await verifySignedRequest(crypto, body, job, fromBase64(job.publicKey));
    const { keyId, nonce } = facts;
    return { ok: true, use: { keyId, nonce } };
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : 'the evidence cannot be read' };
  }
}

/**
 * What the actor asked for: the evidence is the one that the body commits to, the key's, and what it asks for is what the
 * body says was done. @throws FormatError saying what does not hold
 */
export async function verifySignedRequest(
  crypto: ProofCrypto,
  body: LedgerBody,
  evidence: { document: string; salt: string },
  publicKey: Uint8Array,
): Promise<{ facts: EvidenceFacts; effect: string }> {
  const { vouched } = body;
  if (vouched.mode !== 'signed') {
    throw new FormatError('the entry says that nobody signed it, and yet there is evidence of it');
  }
  const document = fromBase64(evidence.document);
  if (evidenceCommitment(crypto, fromBase64(evidence.salt), document) !== vouched.evidence) {
    throw new FormatError('the entry does not commit to this evidence');
  }
  const facts = await verifyEvidence(crypto, document, publicKey);
  if (facts.keyId !== vouched.keyId) throw new FormatError(`the evidence is of the key ${facts.keyId}`);
  const { matches, detail } = checkEffect(facts, body);
  if (!matches) throw new FormatError(`the request is not what was done: ${detail}`);
  return { facts, effect: detail };
}
