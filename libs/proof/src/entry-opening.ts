import { FormatError } from '#merkle';
import { type LedgerBody, parseBody } from './ledger-body.js';
import { type LedgerLeaf, leafCommit, leafTag, parseLeaf, viewKeyCommitment } from './ledger-leaf.js';
import type { ProofCrypto } from './proof-crypto.js';

/** What opens a leaf: the body it commits to and everything else that the commitment was made over. */
export interface EntryOpening {
  entryId: string;
  body: Uint8Array;
  salt: Uint8Array;
  tenantSeq: number;
  prevHash: Uint8Array;
}

/**
 * Whether a leaf is exactly the one of this entry at this place of its chain.
 * @throws FormatError saying what does not hold
 */
export function openLeaf(
  crypto: ProofCrypto,
  leafBytes: Uint8Array,
  opening: EntryOpening,
  expected: { origin: string; viewKey?: Uint8Array },
): { body: LedgerBody; leaf: LedgerLeaf } {
  const body = parseBody(opening.body);
  if (body.id !== opening.entryId) throw new FormatError(`the body is that of ${body.id}, not of ${opening.entryId}`);
  const leaf = parseLeaf(leafBytes);
  if (leaf.origin !== expected.origin) throw new FormatError(`the leaf belongs to the log ${leaf.origin}`);
  if (leaf.class !== undefined && leaf.class !== body.class)
    throw new FormatError(`the leaf says ${leaf.class} where the body says ${body.class}`);
  if (leafCommit(crypto, opening) !== leaf.commit) {
    throw new FormatError('the leaf does not commit to this body at this place: the entry or its leaf was changed');
  }
  if (expected.viewKey && leafTag(crypto, expected.viewKey, leaf.origin, opening.tenantSeq) !== leaf.tag) {
    throw new FormatError(`the leaf's tag is not that of entry number ${opening.tenantSeq} under this view key`);
  }
  return { body, leaf };
}

/**
 * A chain has no more entries than the log had before. A larger number would hide an entry from whoever looks for the
 * tenant's numbers in the whole log. @throws FormatError
 */
export function requirePossibleNumber({ tenantSeq, index }: { tenantSeq: number; index: number }): void {
  if (tenantSeq <= index + 1) return;
  throw new FormatError(`an entry at index ${index} cannot be number ${tenantSeq} of its chain`);
}

/** What a chain's first entry pins. */
export interface GenesisPins {
  viewKey?: Uint8Array;
  /** Standard base64 of the tenant's Ed25519 root key. */
  rootPublicKey?: string;
}

export const GENESIS_ACTION = 'tenant.genesis';

/** Holds the first entry of a chain against what its tenant knows. @throws FormatError */
export function verifyGenesis(crypto: ProofCrypto, body: LedgerBody, pins: GenesisPins): void {
  if (body.action !== GENESIS_ACTION || body.resource.type !== 'tenant' || body.resource.id !== body.tenant) {
    throw new FormatError(`the first entry of the chain is ${body.action}, not ${GENESIS_ACTION} of its tenant`);
  }
  const pinned = (body.after ?? {}) as { viewKeyCommitment?: unknown; rootPublicKey?: unknown };
  if (pins.viewKey && pinned.viewKeyCommitment !== viewKeyCommitment(crypto, pins.viewKey)) {
    throw new FormatError('the first entry of the chain does not commit to this view key');
  }
  if (pins.rootPublicKey !== undefined && pinned.rootPublicKey !== pins.rootPublicKey) {
    throw new FormatError('the first entry of the chain pins another root key');
  }
}
