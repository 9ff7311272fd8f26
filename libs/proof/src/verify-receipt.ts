import { FormatError, fromBase64, fromHex, parseTlogProof, TreeHasher, verifyInclusion } from '#merkle';
import { type ActorTrust, checkActor } from './actor-check.js';
import { type EntryOpening, openLeaf, requirePossibleNumber } from './entry-opening.js';
import type { LedgerBody } from './ledger-body.js';
import { LogHeadCheck, type LogTrust } from './log-head-check.js';
import { parseReceipt, type Receipt } from './receipt.js';
import { Verification, type VerificationReport } from './verification.js';

export interface VerifyReceiptOptions extends LogTrust, ActorTrust {
  /** The tenant's view key: also checks the entry's number in its chain. */
  viewKey?: Uint8Array;
}

/** Verifies a receipt from its bytes alone. Never throws: hostile input gives a report with the step that failed. */
export function verifyReceipt(document: Uint8Array, options: VerifyReceiptOptions): Promise<VerificationReport> {
  const verification = new Verification();
  return verification.report(async () => {
    const receipt = await verification.attempt('format', {}, () => parseReceipt(document));
    const about = { entryId: receipt.entryId, index: receipt.index };
    await verification.check('format', about, () => `a receipt of version ${receipt.v}`);
    await verifyParsed(verification, receipt, options, about);
  });
}

async function verifyParsed(
  verification: Verification,
  receipt: Receipt,
  options: VerifyReceiptOptions,
  about: { entryId: string; index: number },
): Promise<void> {
  const { crypto, viewKey } = options;
  const log = new LogHeadCheck(verification, options);
  const proof = await verification.attempt('inclusion', about, () => parseTlogProof(receipt.proof));
  const claimed = await verification.attempt('checkpoint', about, () => LogHeadCheck.claimedHead(proof.checkpoint));
  await log.logKey(receipt, claimed);
  const leaf = await verification.attempt('entry', about, () => fromBase64(receipt.leaf));
  let body!: LedgerBody;
  await verification.check('entry', about, () => {
    const opening: EntryOpening = {
      entryId: receipt.entryId,
      body: fromBase64(receipt.body),
      salt: fromBase64(receipt.salt),
      tenantSeq: receipt.tenantSeq,
      prevHash: fromHex(receipt.prevHash),
    };
    requirePossibleNumber(receipt);
    ({ body } = openLeaf(crypto, leaf, opening, { origin: log.origin, viewKey }));
    return `${body.action} of ${body.resource.id} at ${body.time}, entry number ${receipt.tenantSeq} of ${body.tenant}`;
  });
  await verification.check('actor', about, () =>
    checkActor(options, { origin: log.origin, body, evidence: receipt.evidence }),
  );
  const head = await log.checkpoint(proof.checkpoint, about);
  await verification.check('inclusion', about, () => {
    if (proof.index !== receipt.index) throw new FormatError(`the proof is for index ${proof.index}`);
    if (proof.extra !== null) throw new FormatError('the proof carries extra data');
    const hasher = new TreeHasher(crypto.sha256);
    const claim = { ...head, index: receipt.index, leafHash: hasher.leaf(leaf), proof: proof.hashes };
    if (!verifyInclusion(hasher, claim)) throw new FormatError('the proof does not lead from the leaf to the root');
    return `the leaf is at index ${receipt.index} under that root`;
  });
  await log.witnesses(proof.checkpoint, about);
  await log.anchor(receipt, head, about);
  await log.consistency(head, about);
}
