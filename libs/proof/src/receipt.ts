import { FormatError, formatTlogProof, fromHex, HASH_BYTES, toBase64, toHex } from '#merkle';
import { type AnchorPromise, parseAnchorPromise } from './anchor-promise.js';
import { type AnchorProof, parseAnchorProof } from './anchor-proof.js';
import { type AnchorRecord, parseAnchorRecord } from './anchor-record.js';
import { type ChainedEvidence, parseChainedEvidence } from './entry-evidence.js';
import type { EntryOpening } from './entry-opening.js';
import { isNatural, membersOf } from './ledger-body.js';
import { type LogKeyLink, parseLogKeys } from './log-keys.js';
import { jsonDocument } from './verification.js';

/**
 * Receipt (docs/formats/receipt-v2.md): everything that proves one entry, in one JSON document, with no service needed to
 * verify it and none left to ask. Version 1 lacks the keys, the evidence, and the promise and the proof of the anchor.
 */
export interface Receipt {
  v: 1 | 2;
  type: 'freehold-receipt';
  /** The log and its first key. */
  log: { origin: string; vkey: string };
  /** The keys that followed, in their order. */
  keys: LogKeyLink[];
  entryId: string;
  /** Base64 of the body's bytes. */
  body: string;
  /** Base64, 32 bytes. */
  salt: string;
  /** The actor's signed request; null when nobody signed, or when it was erased. */
  evidence: ChainedEvidence | null;
  tenantSeq: number;
  /** Leaf hash of the tenant's previous entry, 64 hexadecimal digits; zeros for the first. */
  prevHash: string;
  /** Base64 of the leaf's bytes. */
  leaf: string;
  index: number;
  /** A c2sp.org/tlog-proof: the inclusion proof with the signed checkpoint, which witnesses may have cosigned. */
  proof: string;
  /** The anchor of exactly that checkpoint; null while it is pending. */
  anchor: AnchorRecord | null;
  /** A signer's word that it will be anchored. */
  anchorPromise: AnchorPromise | null;
  /** What proves the anchor offline, against a block that the verifier knows. */
  anchorProof: AnchorProof | null;
}

export interface ReceiptInput {
  log: { origin: string; vkey: string };
  keys: LogKeyLink[];
  opening: EntryOpening;
  evidence: ChainedEvidence | null;
  leaf: Uint8Array;
  index: number;
  inclusionProof: Uint8Array[];
  /** The signed checkpoint that the proof leads to, with the cosignatures it has. */
  checkpoint: string;
  anchor: AnchorRecord | null;
  anchorPromise: AnchorPromise | null;
  anchorProof: AnchorProof | null;
}

/** A receipt of version 2. */
export function buildReceipt(input: ReceiptInput): Receipt {
  const { log, keys, opening, evidence, leaf, index, inclusionProof, checkpoint } = input;
  return {
    v: 2,
    type: 'freehold-receipt',
    log: { origin: log.origin, vkey: log.vkey },
    keys,
    entryId: opening.entryId,
    body: toBase64(opening.body),
    salt: toBase64(opening.salt),
    evidence,
    tenantSeq: opening.tenantSeq,
    prevHash: toHex(opening.prevHash),
    leaf: toBase64(leaf),
    index,
    proof: formatTlogProof({ index, hashes: inclusionProof, checkpoint, extra: null }),
    anchor: input.anchor,
    anchorPromise: input.anchorPromise,
    anchorProof: input.anchorProof,
  };
}

const MAX_RECEIPT_BYTES = 8 << 20;

const MEMBERS_V1 = [
  'v',
  'type',
  'log',
  'entryId',
  'body',
  'salt',
  'tenantSeq',
  'prevHash',
  'leaf',
  'index',
  'proof',
  'anchor',
];
const MEMBERS_V2 = [...MEMBERS_V1, 'keys', 'evidence', 'anchorPromise', 'anchorProof'];
const LACKING_IN_V1 = { keys: [], evidence: null, anchorPromise: null, anchorProof: null };

/** @throws FormatError; says nothing of whether the receipt holds */
export function parseReceipt(document: Uint8Array): Receipt {
  const value = jsonDocument(document, MAX_RECEIPT_BYTES, 'receipt');
  const version = (value as { v?: unknown } | null)?.v;
  const receipt = membersOf(value, 'receipt', version === 2 ? MEMBERS_V2 : MEMBERS_V1);
  if ((version !== 1 && version !== 2) || receipt.type !== 'freehold-receipt') {
    throw new FormatError('not a receipt of version 1 or 2');
  }
  parseLogClaim(receipt.log);
  const texts = [receipt.body, receipt.salt, receipt.prevHash, receipt.leaf, receipt.proof];
  if (texts.some((text) => typeof text !== 'string')) throw new FormatError('a member that is text is something else');
  if (!isEntryId(receipt.entryId)) throw new FormatError('the entry id is malformed');
  if (!isNatural(receipt.index) || !isNatural(receipt.tenantSeq) || receipt.tenantSeq === 0) {
    throw new FormatError('the index or the entry number is not a natural number');
  }
  requireHash(receipt.prevHash as string);
  if (receipt.anchor !== null) parseAnchorRecord(receipt.anchor);
  if (version === 1) return { ...receipt, ...LACKING_IN_V1 } as unknown as Receipt;
  parseLogKeys(receipt.keys);
  parseChainedEvidence(receipt.evidence);
  if (receipt.anchorPromise !== null) parseAnchorPromise(receipt.anchorPromise);
  if (receipt.anchorProof !== null) parseAnchorProof(receipt.anchorProof);
  return receipt as unknown as Receipt;
}

/** @throws FormatError */
export function parseLogClaim(value: unknown): { origin: string; vkey: string } {
  const { origin, vkey } = membersOf(value, 'log', ['origin', 'vkey']);
  if (typeof origin !== 'string' || typeof vkey !== 'string') throw new FormatError('the log is not named by texts');
  return { origin, vkey };
}

export function isEntryId(value: unknown): value is string {
  return typeof value === 'string' && /^led-[0-9a-f]{17}$/.test(value);
}

/** @throws FormatError unless the text is 32 bytes in hexadecimal */
export function requireHash(text: string): void {
  if (fromHex(text).length !== HASH_BYTES) throw new FormatError('the previous hash is not 32 bytes');
}
