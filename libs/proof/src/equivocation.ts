import {
  equalBytes,
  FormatError,
  fromBase64,
  HASH_BYTES,
  MAX_CONSISTENCY_HASHES,
  parseCheckpoint,
  parseNote,
  TreeHasher,
  toHex,
  verifyConsistency,
  verifyNote,
} from '#merkle';
import { membersOf } from './ledger-body.js';
import { followLogKeys, type LinkedHead, type LogKeyLink, parseLogKeys } from './log-keys.js';
import type { ProofCrypto } from './proof-crypto.js';
import { parseLogClaim } from './receipt.js';
import { jsonDocument, type Outcome, Verification, type VerificationReport } from './verification.js';

/**
 * Equivocation, version 1 (docs/formats/equivocation-v1.md): two heads that one log signed and that cannot both be true. Two
 * of one size need nothing more. For two of different sizes, `prefix` is the root of the larger tree's first leaves, as many
 * as the smaller one has, and `proof` leads from it to the larger root: there is only one such prefix, and it is another tree
 * than the one that was signed.
 */
export interface Equivocation {
  v: 1;
  type: 'freehold-equivocation';
  log: { origin: string; vkey: string };
  /** The keys that followed; their proofs lead into the tree of `second`. */
  keys: LogKeyLink[];
  /** The signed checkpoint of the smaller size, or either of two. */
  first: string;
  second: string;
  /** Base64; null for heads of one size. */
  prefix: string | null;
  /** RFC 6962 consistency proof from `prefix` to the root of `second`, base64; empty for heads of one size. */
  proof: string[];
}

export interface EquivocationReport extends VerificationReport {
  /** The log is proven to have signed two histories. */
  equivocated: boolean;
  conclusion: string;
}

const MAX_BYTES = 4 << 20;
const MEMBERS = ['v', 'type', 'log', 'keys', 'first', 'second', 'prefix', 'proof'];

/** @throws FormatError; says nothing of whether it holds */
export function parseEquivocation(document: Uint8Array): Equivocation {
  const value = membersOf(jsonDocument(document, MAX_BYTES, 'equivocation'), 'equivocation', MEMBERS);
  if (value.v !== 1 || value.type !== 'freehold-equivocation')
    throw new FormatError('not an equivocation of version 1');
  parseLogClaim(value.log);
  parseLogKeys(value.keys);
  const { first, second, prefix, proof } = value;
  const holds =
    typeof first === 'string' &&
    typeof second === 'string' &&
    (prefix === null || typeof prefix === 'string') &&
    Array.isArray(proof) &&
    proof.length <= MAX_CONSISTENCY_HASHES &&
    proof.every((hash) => typeof hash === 'string');
  if (!holds) throw new FormatError('a member is not as version 1 has it');
  return value as unknown as Equivocation;
}

/** Verifies the document alone. Never throws: hostile input gives a report with the step that failed. */
export async function verifyEquivocation(
  document: Uint8Array,
  { crypto, log: pin }: { crypto: ProofCrypto; log?: string },
): Promise<EquivocationReport> {
  const verification = new Verification();
  let conclusion = '';
  const report = await verification.report(async () => {
    const evidence = await verification.attempt('format', {}, () => parseEquivocation(document));
    await verification.check('format', {}, () => 'an equivocation of version 1');
    let heads!: { first: LinkedHead; second: LinkedHead };
    await verification.check('log-key', {}, async (): Promise<Outcome> => {
      heads = await signedHeads(crypto, evidence, pin ?? evidence.log.vkey);
      if (pin === undefined) {
        return {
          detail: `taken from the file itself, so only as good as its source: ${evidence.log.vkey}`,
          open: true,
        };
      }
      verification.pinned = true;
      return `the expected log ${evidence.log.origin}`;
    });
    await verification.check('checkpoints', {}, () => {
      return `the log signed heads of ${heads.first.size} and of ${heads.second.size} entries`;
    });
    await verification.check('heads', {}, () => {
      conclusion = contradiction(crypto, heads, evidence);
      return conclusion;
    });
  });
  const equivocated = report.ok && report.pinned;
  const open = report.ok ? 'the log is not pinned, so anybody could have made this' : report.firstBad!.detail;
  return { ...report, equivocated, conclusion: equivocated ? conclusion : `not proven: ${open}` };
}

async function signedHeads(crypto: ProofCrypto, { log, keys, first, second }: Equivocation, pin: string) {
  const headOf = (note: string) => parseCheckpoint(parseNote(note).text);
  const schedule = await followLogKeys(crypto, pin, keys, headOf(second));
  for (const [at, note] of [first, second].entries()) {
    const { origin, size } = headOf(note);
    if (origin !== log.origin || origin !== schedule.keys[0]!.name) {
      throw new FormatError(`checkpoint ${at + 1} is that of the log ${origin}`);
    }
    await verifyNote(note, [schedule.keyFor(size)], crypto.ed25519Verify);
  }
  return { first: headOf(first), second: headOf(second) };
}

/** @throws FormatError unless the two cannot both be true */
function contradiction(
  crypto: ProofCrypto,
  { first, second }: { first: LinkedHead; second: LinkedHead },
  { prefix, proof }: Equivocation,
): string {
  if (first.size > second.size) throw new FormatError('the larger head stands before the smaller one');
  if (first.size === second.size) {
    if (equalBytes(first.root, second.root)) throw new FormatError('the two heads are the same');
    return `the log signed two heads of ${first.size} entries: ${toHex(first.root)} and ${toHex(second.root)}`;
  }
  const firstRoot = fromBase64(prefix ?? '');
  if (firstRoot.length !== HASH_BYTES) throw new FormatError('the root of the prefix is not 32 bytes');
  const hasher = new TreeHasher(crypto.sha256);
  const claim = { first: first.size, second: second.size, firstRoot, secondRoot: second.root };
  if (!verifyConsistency(hasher, { ...claim, proof: proof.map(fromBase64) })) {
    throw new FormatError('the proof does not lead from the prefix to the larger head');
  }
  if (equalBytes(firstRoot, first.root)) throw new FormatError('the larger head continues the smaller one');
  return (
    `the log signed ${toHex(first.root)} at ${first.size} entries, and a head of ${second.size} entries whose first ` +
    `${first.size} have the root ${toHex(firstRoot)}`
  );
}
