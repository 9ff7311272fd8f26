import { FormatError, fromBase64, fromHex, TreeHasher, toBase64, toHex, verifyInclusion } from '#merkle';
import { type ActorTrust, checkActor } from './actor-check.js';
import { type AnchorProof, parseAnchorProof } from './anchor-proof.js';
import { type AnchorRecord, parseAnchorRecord } from './anchor-record.js';
import { type ChainedEvidence, parseChainedEvidence } from './entry-evidence.js';
import { type EntryOpening, openLeaf, requirePossibleNumber } from './entry-opening.js';
import { isNatural, type LedgerBody, membersOf } from './ledger-body.js';
import { type Head, LogHeadCheck, type LogTrust } from './log-head-check.js';
import { type LogKeyLink, parseLogKeys } from './log-keys.js';
import { isEntryId, parseLogClaim, requireHash } from './receipt.js';
import { type About, jsonDocument, Verification, type VerificationReport } from './verification.js';

/**
 * Disclosure, version 1 (docs/formats/disclosure-v1.md): entries that a tenant chose, opened for somebody else, under one
 * checkpoint. It says nothing of what the tenant did not choose.
 */
export interface Disclosure {
  v: 1;
  type: 'freehold-disclosure';
  log: { origin: string; vkey: string };
  keys: LogKeyLink[];
  tenant: string;
  /** The signed checkpoint, with the cosignatures it has. */
  checkpoint: string;
  anchor: AnchorRecord | null;
  anchorProof: AnchorProof | null;
  /** By index. */
  entries: DisclosedEntry[];
}

export interface DisclosedEntry {
  entryId: string;
  /** Base64, as are salt and leaf. */
  body: string;
  salt: string;
  tenantSeq: number;
  /** 64 hexadecimal digits. */
  prevHash: string;
  leaf: string;
  index: number;
  /** The inclusion path, base64. */
  hashes: string[];
  evidence: ChainedEvidence | null;
}

export interface DisclosureInput {
  log: { origin: string; vkey: string };
  keys: LogKeyLink[];
  tenant: string;
  checkpoint: string;
  anchor: AnchorRecord | null;
  anchorProof: AnchorProof | null;
  entries: {
    opening: EntryOpening;
    leaf: Uint8Array;
    index: number;
    inclusionProof: Uint8Array[];
    evidence: ChainedEvidence | null;
  }[];
}

export const MAX_DISCLOSED_ENTRIES = 1000;
const MAX_DISCLOSURE_BYTES = 64 << 20;
const MAX_PATH = 63;

/** The entries may come in any order; the document has them by index. */
export function buildDisclosure({ entries, ...input }: DisclosureInput): Disclosure {
  const disclosed = entries.map(({ opening, leaf, index, inclusionProof, evidence }) => ({
    entryId: opening.entryId,
    body: toBase64(opening.body),
    salt: toBase64(opening.salt),
    tenantSeq: opening.tenantSeq,
    prevHash: toHex(opening.prevHash),
    leaf: toBase64(leaf),
    index,
    hashes: inclusionProof.map(toBase64),
    evidence,
  }));
  return {
    v: 1,
    type: 'freehold-disclosure',
    log: { origin: input.log.origin, vkey: input.log.vkey },
    keys: input.keys,
    tenant: input.tenant,
    checkpoint: input.checkpoint,
    anchor: input.anchor,
    anchorProof: input.anchorProof,
    entries: disclosed.sort((a, b) => a.index - b.index),
  };
}

const MEMBERS = ['v', 'type', 'log', 'keys', 'tenant', 'checkpoint', 'anchor', 'anchorProof', 'entries'];
const ENTRY_MEMBERS = ['entryId', 'body', 'salt', 'tenantSeq', 'prevHash', 'leaf', 'index', 'hashes', 'evidence'];

/** @throws FormatError; says nothing of whether the disclosure holds */
export function parseDisclosure(document: Uint8Array): Disclosure {
  const value = jsonDocument(document, MAX_DISCLOSURE_BYTES, 'disclosure');
  const disclosure = membersOf(value, 'disclosure', MEMBERS);
  if (disclosure.v !== 1 || disclosure.type !== 'freehold-disclosure') {
    throw new FormatError('not a disclosure of version 1');
  }
  parseLogClaim(disclosure.log);
  parseLogKeys(disclosure.keys);
  if (typeof disclosure.tenant !== 'string' || typeof disclosure.checkpoint !== 'string') {
    throw new FormatError('a member that is text is something else');
  }
  if (disclosure.anchor !== null) parseAnchorRecord(disclosure.anchor);
  if (disclosure.anchorProof !== null) parseAnchorProof(disclosure.anchorProof);
  const { entries } = disclosure;
  if (!Array.isArray(entries) || entries.length === 0 || entries.length > MAX_DISCLOSED_ENTRIES) {
    throw new FormatError(`a disclosure has 1 to ${MAX_DISCLOSED_ENTRIES} entries`);
  }
  let last = -1;
  for (const entry of entries.map(parseEntry)) {
    if (entry.index <= last) throw new FormatError('the entries are not in the order of their indexes, each once');
    last = entry.index;
  }
  return value as Disclosure;
}

function parseEntry(value: unknown): DisclosedEntry {
  const entry = membersOf(value, 'entry', ENTRY_MEMBERS);
  const texts = [entry.body, entry.salt, entry.prevHash, entry.leaf];
  const sound =
    isEntryId(entry.entryId) &&
    texts.every((text) => typeof text === 'string') &&
    isNatural(entry.index) &&
    isNatural(entry.tenantSeq) &&
    entry.tenantSeq > 0 &&
    Array.isArray(entry.hashes) &&
    entry.hashes.length <= MAX_PATH &&
    entry.hashes.every((hash) => typeof hash === 'string');
  if (!sound) throw new FormatError('an entry is not as version 1 has it');
  requireHash(entry.prevHash as string);
  parseChainedEvidence(entry.evidence);
  return entry as unknown as DisclosedEntry;
}

export interface VerifyDisclosureOptions extends LogTrust, ActorTrust {
  /** The tenant's view key: also checks the entries' numbers in their chain. Whoever is disclosed to rarely has it. */
  viewKey?: Uint8Array;
}

export interface DisclosureReport extends VerificationReport {
  tenant: string | null;
  entries: number;
}

/** Verifies a disclosure from its bytes alone. Never throws. */
export async function verifyDisclosure(
  document: Uint8Array,
  options: VerifyDisclosureOptions,
): Promise<DisclosureReport> {
  const verification = new Verification();
  let disclosure: Disclosure | null = null;
  const report = await verification.report(async () => {
    disclosure = await verification.attempt('format', {}, () => parseDisclosure(document));
    const { tenant, entries } = disclosure;
    await verification.check('format', {}, () => `a disclosure of ${entries.length} entries of ${tenant}`);
    const log = new LogHeadCheck(verification, options);
    const { checkpoint } = disclosure;
    const claimed = await verification.attempt('checkpoint', {}, () => LogHeadCheck.claimedHead(checkpoint));
    await log.logKey(disclosure, claimed);
    const head = await log.checkpoint(checkpoint, {});
    const numbers = new DisclosedNumbers();
    for (const entry of entries) await verifyEntry(verification, { entry, tenant, head, log, numbers }, options);
    await log.witnesses(checkpoint, {});
    await log.anchor({ ...disclosure, anchorPromise: null }, head, {});
    await log.consistency(head, {});
  });
  const { tenant = null, entries = [] } = (disclosure as Disclosure | null) ?? {};
  return { ...report, tenant, entries: report.ok ? entries.length : 0 };
}

interface EntryClaim {
  entry: DisclosedEntry;
  tenant: string;
  head: Head;
  log: LogHeadCheck;
  numbers: DisclosedNumbers;
}

async function verifyEntry(
  verification: Verification,
  { entry, tenant, head, log, numbers }: EntryClaim,
  options: VerifyDisclosureOptions,
): Promise<void> {
  const { crypto, viewKey } = options;
  const about: About = { entryId: entry.entryId, index: entry.index };
  const hasher = new TreeHasher(crypto.sha256);
  const leaf = await verification.attempt('entry', about, () => fromBase64(entry.leaf));
  const leafHash = hasher.leaf(leaf);
  let body!: LedgerBody;
  await verification.check('entry', about, () => {
    const opening: EntryOpening = {
      entryId: entry.entryId,
      body: fromBase64(entry.body),
      salt: fromBase64(entry.salt),
      tenantSeq: entry.tenantSeq,
      prevHash: fromHex(entry.prevHash),
    };
    requirePossibleNumber(entry);
    ({ body } = openLeaf(crypto, leaf, opening, { origin: log.origin, viewKey }));
    if (body.tenant !== tenant) throw new FormatError(`the entry belongs to ${body.tenant}`);
    numbers.add(entry, toHex(leafHash));
    return `${body.action} of ${body.resource.id} at ${body.time}, entry number ${entry.tenantSeq}`;
  });
  await verification.check('actor', about, () =>
    checkActor(options, { origin: log.origin, body, evidence: entry.evidence, mayWithhold: true }),
  );
  await verification.check('inclusion', about, () => {
    const claim = { ...head, index: entry.index, leafHash, proof: entry.hashes.map(fromBase64) };
    if (!verifyInclusion(hasher, claim)) throw new FormatError('the proof does not lead from the leaf to the root');
    return `the leaf is at index ${entry.index} under that root`;
  });
}

/** The numbers in the chain rise with the index, and an entry that follows the one before it points to its leaf. */
class DisclosedNumbers {
  private last: { tenantSeq: number; leafHash: string } | null = null;

  /** @throws FormatError */
  add({ tenantSeq, prevHash }: DisclosedEntry, leafHash: string): void {
    const { last } = this;
    if (last && tenantSeq <= last.tenantSeq) {
      throw new FormatError(`entry number ${tenantSeq} stands behind number ${last.tenantSeq}`);
    }
    if (last && tenantSeq === last.tenantSeq + 1 && prevHash !== last.leafHash) {
      throw new FormatError(`the entry does not continue number ${last.tenantSeq}, though it is the next`);
    }
    this.last = { tenantSeq, leafHash };
  }
}
