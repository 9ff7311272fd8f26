import {
  equalBytes,
  FormatError,
  fromBase64,
  type NoteKey,
  parseCheckpoint,
  parseNote,
  parseTlogProof,
  toHex,
  verifyNote,
} from '#merkle';
import { membersOf } from './ledger-body.js';
import { followLogKeys, type LinkedHead, type LogKeyLink, type LogKeySchedule, parseLogKeys } from './log-keys.js';
import { type EntryPromise, parsePromise } from './promise.js';
import type { ProofCrypto } from './proof-crypto.js';
import { parseLogClaim, parseReceipt } from './receipt.js';
import { jsonDocument, type Outcome, Verification, type VerificationReport } from './verification.js';
import { verifyBundle } from './verify-bundle.js';
import { verifyReceipt } from './verify-receipt.js';
import { countWitnesses, formatWitnesses, type WitnessPolicy } from './witness-policy.js';

/**
 * Broken promise, version 1 (docs/formats/broken-promise-v1.md): what the log promised, a head of the log that witnesses
 * cosigned after the deadline, and what shows that the promised entry is not in that head. It convicts the operator before
 * anybody who knows the log's key and trusts the witnesses.
 */
export interface BrokenPromise {
  v: 1;
  type: 'freehold-broken-promise';
  log: { origin: string; vkey: string };
  /** The keys that followed; their proofs lead into the checkpoint. */
  keys: LogKeyLink[];
  /** The signed promise. */
  promise: string;
  /** A signed checkpoint, with the cosignatures that say when the log was no larger. */
  checkpoint: string;
  lacking: Lacking;
}

/** What shows that the head lacks the promised entry. */
export type Lacking =
  /** The log's own receipt: it puts the entry where that head does not reach, or another body under its id. */
  | { kind: 'receipt'; receipt: unknown }
  /** The tenant's complete list, in a bundle apart with this digest in its trailer. Takes the tenant's view key. */
  | { kind: 'bundle'; file: string; digest: string }
  /** Nothing: the log gave no receipt, and nobody has opened the tenant's list. */
  | { kind: 'none' };

export interface VerifyBrokenPromiseOptions {
  crypto: ProofCrypto;
  /** The verifier key of the log as the verifier knows it. */
  log?: string;
  /** Whose word on the time counts, and of how many. */
  witnesses?: WitnessPolicy;
  /** The bundle that the document names, and the view key that proves it complete. */
  bundle?: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  viewKey?: Uint8Array;
}

export interface BrokenPromiseReport extends VerificationReport {
  /** The promise is proven to be broken. `ok` alone says that nothing in the document is false. */
  broken: boolean;
  entryId: string | null;
  /** Unix seconds. */
  deadline: number | null;
  /** In one sentence, what is proven, or what is missing for it. */
  conclusion: string;
}

const MAX_BYTES = 16 << 20;
const MEMBERS = ['v', 'type', 'log', 'keys', 'promise', 'checkpoint', 'lacking'];

/** @throws FormatError; says nothing of whether it holds */
export function parseBrokenPromise(document: Uint8Array): BrokenPromise {
  const value = membersOf(jsonDocument(document, MAX_BYTES, 'broken promise'), 'broken promise', MEMBERS);
  if (value.v !== 1 || value.type !== 'freehold-broken-promise') {
    throw new FormatError('not a broken promise of version 1');
  }
  parseLogClaim(value.log);
  parseLogKeys(value.keys);
  if (typeof value.promise !== 'string' || typeof value.checkpoint !== 'string') {
    throw new FormatError('the promise or the checkpoint is not a text');
  }
  parseLacking(value.lacking);
  return value as unknown as BrokenPromise;
}

function parseLacking(value: unknown): void {
  const kind = (value as { kind?: unknown } | null)?.kind;
  if (kind === 'none') membersOf(value, 'lacking', ['kind']);
  else if (kind === 'receipt') membersOf(value, 'lacking', ['kind', 'receipt']);
  else {
    const { file, digest } = membersOf(value, 'lacking', ['kind', 'file', 'digest']);
    if (kind !== 'bundle' || typeof file !== 'string' || !/^[0-9a-f]{64}$/.test(String(digest))) {
      throw new FormatError('what shows that the entry is lacking is of no known kind');
    }
  }
}

/** Verifies the document alone. Never throws: hostile input gives a report with the step that failed. */
export async function verifyBrokenPromise(
  document: Uint8Array,
  options: VerifyBrokenPromiseOptions,
): Promise<BrokenPromiseReport> {
  const verification = new Verification();
  const check = new BrokenPromiseCheck(verification, options);
  const report = await verification.report(() => check.run(document));
  const { promise } = check;
  const missing = report.ok ? check.missing : [report.firstBad!.detail];
  const broken = missing.length === 0;
  return {
    ...report,
    broken,
    entryId: promise?.entryId ?? null,
    deadline: promise?.deadline ?? null,
    conclusion: broken ? check.proven : `not proven: ${missing.join('; ')}`,
  };
}

class BrokenPromiseCheck {
  promise: EntryPromise | null = null;
  proven = '';
  /** What the proof still takes; empty when the promise is broken. */
  readonly missing: string[] = [];
  /** Of a log that contradicts its promise it does not matter when that was. */
  private timeMatters = true;
  private schedule!: LogKeySchedule;
  private head!: LinkedHead;

  constructor(
    private readonly verification: Verification,
    private readonly options: VerifyBrokenPromiseOptions,
  ) {}

  async run(document: Uint8Array): Promise<void> {
    const { verification } = this;
    const evidence = await verification.attempt('format', {}, () => parseBrokenPromise(document));
    await verification.check('format', {}, () => 'a broken promise of version 1');
    await verification.check('log-key', {}, () => this.logKey(evidence));
    await verification.check('promise', {}, () => this.promised(evidence));
    const about = { entryId: this.promise!.entryId };
    await verification.check('checkpoint', about, () => this.checkpoint(evidence));
    const { kind } = evidence.lacking;
    if (kind === 'receipt') await verification.check('absence', about, () => this.receipt(evidence));
    else if (kind === 'bundle') await verification.check('absence', about, () => this.bundle(evidence));
    else {
      await verification.check('absence', about, () =>
        this.open('absence', "not checked: nothing shows whether the entry is there; that takes the tenant's bundle"),
      );
    }
    await verification.check('witnesses', about, () => this.lateness(evidence.checkpoint));
  }

  private async logKey({ log, keys, checkpoint }: BrokenPromise): Promise<Outcome> {
    const { crypto, log: pin } = this.options;
    const { origin, size, root } = parseCheckpoint(parseNote(checkpoint).text);
    if (origin !== log.origin) throw new FormatError(`the checkpoint is that of the log ${origin}`);
    this.head = { size, root };
    this.schedule = await followLogKeys(crypto, pin ?? log.vkey, keys, this.head);
    const name = this.schedule.keys[0]!.name;
    if (name !== log.origin) throw new FormatError(`the expected log is ${name}, and this one is ${log.origin}`);
    if (pin === undefined) {
      this.missing.push('the log is not pinned, so anybody could have made this');
      return { detail: `taken from the file itself, so only as good as its source: ${log.vkey}`, open: true };
    }
    this.verification.pinned = true;
    return `the expected log ${log.origin}`;
  }

  private async promised({ promise: note }: BrokenPromise): Promise<string> {
    await verifyNote(note, this.schedule.keys, this.options.crypto.ed25519Verify);
    const promise = parsePromise(note);
    if (promise.origin !== this.schedule.keys[0]!.name) throw new FormatError('the promise is of another log');
    this.promise = promise;
    return `the log promised ${promise.entryId}, body ${toHex(promise.bodyHash)}, by ${timeText(promise.deadline)}`;
  }

  private async checkpoint({ checkpoint }: BrokenPromise): Promise<string> {
    const key: NoteKey = this.schedule.keyFor(this.head.size);
    await verifyNote(checkpoint, [key], this.options.crypto.ed25519Verify);
    return `the log signed ${toHex(this.head.root)} at ${this.head.size} entries`;
  }

  /** The log shows the entry by itself: behind that head, or with another body. */
  private async receipt({ lacking }: BrokenPromise): Promise<Outcome> {
    const { crypto, log } = this.options;
    const promise = this.promise!;
    const bytes = new TextEncoder().encode(JSON.stringify((lacking as { receipt: unknown }).receipt));
    const report = await verifyReceipt(bytes, { crypto, log });
    if (!report.ok) throw new FormatError(`the receipt does not hold: ${report.firstBad!.detail}`);
    const { entryId, index, body, log: of, proof } = parseReceipt(bytes);
    if (of.origin !== promise.origin) throw new FormatError('the receipt is that of another log');
    if (entryId !== promise.entryId) throw new FormatError(`the receipt is that of ${entryId}`);
    if (!equalBytes(crypto.sha256(fromBase64(body)), promise.bodyHash)) {
      this.proven = `${entryId} was promised with one body and is in the log with another`;
      this.timeMatters = false;
      return `the log shows the entry at index ${index} with another body than it promised`;
    }
    if (index < this.head.size) {
      throw new FormatError(`the entry is at index ${index}, which a head of ${this.head.size} entries covers`);
    }
    await this.requireNotInTime(parseTlogProof(proof).checkpoint);
    this.proven = `${entryId} was promised by ${timeText(promise.deadline)} and came later: at index ${index}`;
    return `the log shows the entry at index ${index}, which a head of ${this.head.size} entries does not reach`;
  }

  /** A witness that signed a head with the entry before the deadline is the log's answer to all of this. */
  private async requireNotInTime(checkpoint: string): Promise<void> {
    const { crypto, witnesses } = this.options;
    if (!witnesses) return;
    const { names, times } = await countWitnesses(crypto, checkpoint, witnesses);
    const at = times.findIndex((time) => time <= this.promise!.deadline);
    if (at >= 0)
      throw new FormatError(`${names[at]} cosigned a head with the entry at ${timeText(times[at]!)}, in time`);
  }

  private async bundle({ lacking, checkpoint }: BrokenPromise): Promise<Outcome> {
    const { crypto, log, bundle, viewKey } = this.options;
    const { digest, file } = lacking as { digest: string; file: string };
    if (!bundle || !viewKey) {
      return this.open('absence', `not checked: that takes the bundle ${file} and the tenant's view key`);
    }
    const promise = this.promise!;
    const seen = new BundleWatch(promise.entryId);
    const report = await verifyBundle(seen.through(bundle), { crypto, log, viewKey, knownCheckpoints: [checkpoint] });
    if (!report.ok) throw new FormatError(`the bundle does not hold: ${report.firstBad!.detail}`);
    if (seen.digest !== digest) throw new FormatError('this is another bundle than the document names');
    if (!report.complete) throw new FormatError('the bundle is not proven complete');
    if (promise.tenant !== null && promise.tenant !== report.tenant) {
      throw new FormatError(
        `the bundle is that of ${report.tenant}, and the promise is of an entry of ${promise.tenant}`,
      );
    }
    if (seen.index !== null && seen.index < this.head.size) {
      throw new FormatError(`the bundle has the entry, at index ${seen.index}`);
    }
    // The ids of erased entries are whatever the bundle's maker says: the promised one could be among them.
    if (seen.index === null && report.erased > 0) {
      return this.open(
        'absence',
        `not shown: ${report.erased} erased entries are in the list, and it may be one of them`,
      );
    }
    if (promise.tenant === null) {
      return this.open('absence', 'not shown: a promise of version 1 does not say whose entry it is');
    }
    this.proven = `${promise.entryId} was promised by ${timeText(promise.deadline)} and was not in the log after that`;
    return `none of the ${report.entries} entries of ${report.tenant} is the promised one, and the list is complete`;
  }

  /** A witness's time says that it knew of no larger tree then; only those behind the deadline count. */
  private async lateness(checkpoint: string): Promise<Outcome> {
    const { crypto, witnesses: policy } = this.options;
    const { deadline } = this.promise!;
    if (!this.timeMatters) return 'not needed: the log contradicts its promise whenever that was';
    if (!policy || policy.threshold === 0) {
      return this.open('time', 'not checked: no witness is named, and nobody else says when the log was no larger');
    }
    const counted = await countWitnesses(crypto, checkpoint, policy);
    const late = counted.times.filter((time) => time > deadline).length;
    this.verification.witnesses = late;
    const detail = `${formatWitnesses(counted, policy)}; ${late} of them after the deadline`;
    return late >= policy.threshold ? detail : this.open('time', `not proven: ${detail}`);
  }

  private open(what: 'absence' | 'time', detail: string): Outcome {
    const missing = {
      absence: 'that the entry is not in that head is not shown',
      time: 'that this head was the newest after the deadline is not shown',
    };
    this.missing.push(missing[what]);
    return { detail, open: true };
  }
}

/** Looks over a bundle's shoulder for one entry and for the digest at its end. */
class BundleWatch {
  index: number | null = null;
  digest: string | null = null;

  constructor(private readonly entryId: string) {}

  async *through(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of chunks) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.see(line);
      yield chunk;
    }
  }

  /** What cannot be read is the verifier's to refuse. */
  private see(line: string): void {
    if (!line.includes(this.entryId) && !line.includes('"trailer"')) return;
    try {
      const { type, index, entry, digest } = JSON.parse(line);
      if (type === 'leaf' && entry?.id === this.entryId) this.index = index;
      if (type === 'trailer') this.digest = digest;
    } catch {
      this.digest = null;
    }
  }
}

/** A deadline beyond what a calendar holds is shown as the number it is. */
function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds} s after 1970` : date.toISOString();
}
