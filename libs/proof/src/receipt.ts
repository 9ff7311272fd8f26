import {
  FormatError,
  formatTlogProof,
  fromBase64,
  fromHex,
  fromUtf8,
  HASH_BYTES,
  parseCheckpoint,
  parseTlogProof,
  TreeHasher,
  toBase64,
  toHex,
  verifyInclusion,
  verifyNote,
} from '#merkle';
import { type AnchorRecord, describeAnchor, parseAnchorRecord } from './anchor-record.js';
import { type EntryOpening, openLeaf } from './entry-opening.js';
import { isNatural, membersOf } from './ledger-body.js';
import type { ProofCrypto } from './proof-crypto.js';
import { Verification, type VerificationReport } from './verification.js';

/**
 * Receipt, version 1 (docs/formats/receipt-v1.md): everything that proves one entry, in one JSON document, with no service
 * needed to verify it and none left to ask.
 */
export interface Receipt {
  v: 1;
  type: 'freehold-receipt';
  log: { origin: string; vkey: string };
  entryId: string;
  /** Base64 of the body's bytes. */
  body: string;
  /** Base64, 32 bytes. */
  salt: string;
  tenantSeq: number;
  /** Leaf hash of the tenant's previous entry, 64 hexadecimal digits; zeros for the first. */
  prevHash: string;
  /** Base64 of the leaf's bytes. */
  leaf: string;
  index: number;
  /** A c2sp.org/tlog-proof: the inclusion proof with the signed checkpoint. */
  proof: string;
  /** The anchor of exactly that checkpoint; null while it is pending. */
  anchor: AnchorRecord | null;
}

export interface ReceiptInput {
  log: { origin: string; vkey: string };
  opening: EntryOpening;
  leaf: Uint8Array;
  index: number;
  inclusionProof: Uint8Array[];
  /** The signed checkpoint that the proof leads to. */
  checkpoint: string;
  anchor: AnchorRecord | null;
}

export function buildReceipt({ log, opening, leaf, index, inclusionProof, checkpoint, anchor }: ReceiptInput): Receipt {
  return {
    v: 1,
    type: 'freehold-receipt',
    log: { origin: log.origin, vkey: log.vkey },
    entryId: opening.entryId,
    body: toBase64(opening.body),
    salt: toBase64(opening.salt),
    tenantSeq: opening.tenantSeq,
    prevHash: toHex(opening.prevHash),
    leaf: toBase64(leaf),
    index,
    proof: formatTlogProof({ index, hashes: inclusionProof, checkpoint, extra: null }),
    anchor,
  };
}

export interface VerifyReceiptOptions {
  crypto: ProofCrypto;
  /** The verifier key of the log as the verifier knows it. Without it the receipt's own is taken, and the report says so. */
  log?: string;
  /** The tenant's view key: also checks the entry's number in its chain. */
  viewKey?: Uint8Array;
  /** Fails unless the receipt carries an anchor. */
  requireAnchor?: boolean;
}

const MAX_RECEIPT_BYTES = 4 << 20;

/** Verifies a receipt from its bytes alone. Never throws: hostile input gives a report with the step that failed. */
export function verifyReceipt(document: Uint8Array, options: VerifyReceiptOptions): Promise<VerificationReport> {
  const verification = new Verification();
  return verification.report(async () => {
    const receipt = await verification.attempt('format', {}, () => parseReceipt(document));
    const about = { entryId: receipt.entryId, index: receipt.index };
    verification.steps.push({ step: 'format', ok: true, detail: 'a receipt of version 1', ...about });
    await verifyParsed(verification, receipt, options, about);
  });
}

async function verifyParsed(
  verification: Verification,
  receipt: Receipt,
  { crypto, log: pin, viewKey, requireAnchor }: VerifyReceiptOptions,
  about: { entryId: string; index: number },
): Promise<void> {
  const log = await verification.logKey(crypto, receipt.log, pin);
  const leaf = await verification.attempt('entry', about, () => fromBase64(receipt.leaf));
  await verification.check('entry', about, () => {
    const opening: EntryOpening = {
      entryId: receipt.entryId,
      body: fromBase64(receipt.body),
      salt: fromBase64(receipt.salt),
      tenantSeq: receipt.tenantSeq,
      prevHash: fromHex(receipt.prevHash),
    };
    const { body } = openLeaf(crypto, leaf, opening, { origin: log.name, viewKey });
    return `${body.action} of ${body.resource.id} at ${body.time}, entry number ${receipt.tenantSeq} of ${body.tenant}`;
  });
  const proof = await verification.attempt('inclusion', about, () => parseTlogProof(receipt.proof));
  let checkpoint = { size: 0, root: new Uint8Array(0) as Uint8Array };
  await verification.check('checkpoint', about, async () => {
    const { text } = await verifyNote(proof.checkpoint, [log], crypto.ed25519Verify);
    const parsed = parseCheckpoint(text);
    if (parsed.origin !== log.name) throw new FormatError(`the checkpoint is that of the log ${parsed.origin}`);
    checkpoint = parsed;
    return `the log signed ${toHex(parsed.root)} at ${parsed.size} entries`;
  });
  await verification.check('inclusion', about, () => {
    if (proof.index !== receipt.index) throw new FormatError(`the proof is for index ${proof.index}`);
    if (proof.extra !== null) throw new FormatError('the proof carries extra data');
    const hasher = new TreeHasher(crypto.sha256);
    const claim = { ...checkpoint, index: receipt.index, leafHash: hasher.leaf(leaf), proof: proof.hashes };
    if (!verifyInclusion(hasher, claim)) throw new FormatError('the proof does not lead from the leaf to the root');
    return `the leaf is at index ${receipt.index} under that root`;
  });
  await verification.check('anchor', about, () => {
    if (receipt.anchor === null) {
      if (requireAnchor) throw new FormatError('the receipt has no anchor yet');
      return 'pending: no anchor in this receipt';
    }
    if (receipt.anchor.size !== checkpoint.size || receipt.anchor.root !== toHex(checkpoint.root)) {
      throw new FormatError('the anchor is of another head than the checkpoint');
    }
    verification.anchored = true;
    verification.independentTrust = receipt.anchor.independentTrust;
    return describeAnchor(receipt.anchor);
  });
}

const MEMBERS = [
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

/** @throws FormatError; says nothing of whether the receipt holds */
export function parseReceipt(document: Uint8Array): Receipt {
  if (document.length > MAX_RECEIPT_BYTES)
    throw new FormatError(`the receipt is longer than ${MAX_RECEIPT_BYTES} bytes`);
  const receipt = membersOf(parseJson(document), 'receipt', MEMBERS);
  const log = membersOf(receipt.log, 'log', ['origin', 'vkey']);
  if (receipt.v !== 1 || receipt.type !== 'freehold-receipt') throw new FormatError('not a receipt of version 1');
  const texts = [log.origin, log.vkey, receipt.body, receipt.salt, receipt.prevHash, receipt.leaf, receipt.proof];
  if (texts.some((text) => typeof text !== 'string')) throw new FormatError('a member that is text is something else');
  if (typeof receipt.entryId !== 'string' || !/^led-[0-9a-f]{17}$/.test(receipt.entryId)) {
    throw new FormatError('the entry id is malformed');
  }
  if (!isNatural(receipt.index) || !isNatural(receipt.tenantSeq) || receipt.tenantSeq === 0) {
    throw new FormatError('the index or the entry number is not a natural number');
  }
  if (fromHex(receipt.prevHash as string).length !== HASH_BYTES)
    throw new FormatError('the previous hash is not 32 bytes');
  if (receipt.anchor !== null) parseAnchorRecord(receipt.anchor);
  return receipt as unknown as Receipt;
}

function parseJson(document: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(document));
  } catch (cause) {
    throw new FormatError('the document is not JSON', { cause });
  }
}
