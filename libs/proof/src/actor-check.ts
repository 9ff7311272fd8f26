import { FormatError } from '#merkle';
import type { ChainedEvidence } from './entry-evidence.js';
import { verifySignedRequest } from './evidence-check.js';
import type { LedgerBody } from './ledger-body.js';
import type { ProofCrypto } from './proof-crypto.js';
import { verifySigningKeyChain } from './signing-key-link.js';
import type { Outcome } from './verification.js';

export interface ActorTrust {
  crypto: ProofCrypto;
  /** Standard base64 of the tenant's Ed25519 root key: without it, nothing says that the tenant wanted the actor's key. */
  rootPublicKey?: string;
  /** Fails unless the actor's signature is there and holds. */
  requireSigned?: boolean;
}

/** An entry with what says who made it. */
export interface ActorClaim {
  origin: string;
  body: LedgerBody;
  evidence: ChainedEvidence | null;
  /** Whether the document may leave out evidence that was not erased. */
  mayWithhold?: boolean;
}

/**
 * Who vouches for an entry. The detail begins with exactly `signed`, `signed, evidence erased` or `custodial`.
 * @throws FormatError when the evidence does not hold, or is that of something else
 */
export async function checkActor(
  trust: ActorTrust,
  { origin, body, evidence, mayWithhold }: ActorClaim,
): Promise<Outcome> {
  const { vouched, actor } = body;
  if (vouched.mode === 'custodial') {
    if (evidence) throw new FormatError('the entry says that nobody signed it, and yet there is evidence of it');
    return unproven(trust, `custodial: nobody signed; the service says that it was the ${actor.type} ${actor.id}`);
  }
  if (!evidence) {
    const absent = mayWithhold ? 'signed, evidence erased or not disclosed' : 'signed, evidence erased';
    return unproven(trust, `${absent}: the service says that it was ${actor.id} with ${vouched.keyId}`);
  }
  const { crypto, rootPublicKey } = trust;
  const key = await verifySigningKeyChain(crypto, { origin, tenant: body.tenant, rootPublicKey }, evidence.chain);
  if (key.keyId !== vouched.keyId) throw new FormatError(`the chain of keys ends in ${key.keyId}`);
  if (key.userId !== actor.id) throw new FormatError(`${key.keyId} is the key of ${key.userId}, not of ${actor.id}`);
  const { effect } = await verifySignedRequest(crypto, body, evidence, key.publicKey);
  const detail = `signed by ${actor.id} with ${key.keyId}: ${effect}`;
  if (rootPublicKey !== undefined) return `${detail}, and the key goes back to the tenant's root key`;
  return unproven(trust, `${detail}; that the tenant wanted this key takes its root key`);
}

function unproven({ requireSigned }: ActorTrust, detail: string): Outcome {
  return { detail, open: true, ...(requireSigned ? { unmet: 'not-signed' } : {}) };
}
