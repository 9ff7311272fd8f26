import { equalBytes, FormatError, fromBase64, NoteSignatureError, parseTlogProof, verifyNote } from '#merkle';
import {
  type BrokenPromise,
  countWitnesses,
  type EntryPromise,
  type Lacking,
  nodeCrypto,
  parseBody,
  parsePromise,
  parseReceipt,
  type Receipt,
  verifyBrokenPromise,
  verifyReceipt,
  type WitnessPolicy,
} from '#proof';
import type { EvidenceFolder } from './evidence-folder.js';
import type { Finding } from './finding.js';
import { type TrustedWitness, withFreshCosignatures } from './fresh-cosignatures.js';
import type { LogSource } from './log-source.js';
import type { KeptPromise } from './promise-store.js';
import type { WatchState } from './watch-state.js';
import { headOf, type WatchedHead } from './watched-head.js';

/** Evidence that does not prove it yet is tried again after so long. */
const AGAIN_MS = 60_000;

export interface PromiseTrust {
  witnesses: readonly TrustedWitness[];
  policy: WitnessPolicy;
  viewKey?: Uint8Array;
}

/**
 * Follows promises to their end: kept, with the receipt stored; or not, with evidence. What a log is asked for, and cannot
 * show, proves nothing by itself, so a head that it signed behind the deadline is kept, with what witnesses say of it then.
 */
export class WatchedPromises {
  private readonly left = new Set<string>();

  constructor(
    private readonly source: LogSource,
    private readonly state: WatchState,
    private readonly head: WatchedHead,
    private readonly evidence: EvidenceFolder,
    private readonly trust: PromiseTrust,
    private readonly now: () => number = Date.now,
  ) {}

  /** Looks after one promise. @throws RemoteProblem, ConnectionFailed */
  async look(kept: KeptPromise): Promise<Finding | null> {
    const promise = await this.verified(kept.promise);
    if (!promise) return { kind: 'not-a-promise', detail: `no key of ${this.state.log.origin} has signed it` };
    const { entryId } = promise;
    const known = this.state.promise(entryId);
    if (known.outcome !== null) return null;
    const text = await this.source.receipt(entryId);
    const receipt = text === null ? null : await this.holding(text);
    if (typeof receipt === 'string') return { kind: 'garbage', entryId, detail: receipt };
    const contradiction = receipt && (await this.head.contradiction(parseTlogProof(receipt.proof).checkpoint));
    if (contradiction) return contradiction;
    const bodyIsOther = receipt !== null && !this.isOf(receipt, promise);
    if (receipt && !bodyIsOther && (await this.isInTime(receipt, promise))) {
      return this.kept(promise, text!, 'the receipt holds, in time');
    }
    if (!bodyIsOther && this.now() / 1000 <= promise.deadline) {
      return { kind: 'pending', entryId, detail: `due by ${new Date(promise.deadline * 1000).toISOString()}` };
    }
    const erased = text === null && (await this.erased(entryId));
    if (erased) return erased;
    if (text === null && kept.apiKeyId !== null && kept.apiKeyId !== this.source.apiKeyId) {
      return this.ofAnother(entryId, kept.apiKeyId);
    }
    return this.notKept(kept.promise, promise, { receipt, text, bodyIsOther });
  }

  /** What was erased has no receipt any more; the entry that says so has one. */
  private async erased(entryId: string): Promise<Finding | null> {
    const text = await this.source.erasure(entryId);
    const receipt = text === null ? null : await this.holding(text);
    if (receipt === null || typeof receipt === 'string') return null;
    const { action, resource } = parseBody(fromBase64(receipt.body));
    if (action !== 'ledger-entry.erased' || resource.id !== entryId) return null;
    const contradiction = await this.head.contradiction(parseTlogProof(receipt.proof).checkpoint);
    if (contradiction) return contradiction;
    this.state.promise(entryId).outcome = 'kept';
    return { kind: 'erased', entryId, detail: `${receipt.entryId} says who erased it, and why; its receipt holds` };
  }

  /** Another key's entry may be one that this key may not read: that there is no receipt says nothing then. Told once. */
  private ofAnother(entryId: string, apiKeyId: string): Finding | null {
    if (this.left.has(entryId)) return null;
    this.left.add(entryId);
    return { kind: 'not-asked', entryId, detail: `it was promised to ${apiKeyId}: watch with that API key` };
  }

  private async verified(note: string): Promise<EntryPromise | null> {
    try {
      await verifyNote(note, (await this.head.schedule()).keys, nodeCrypto.ed25519Verify);
      const promise = parsePromise(note);
      return promise.origin === this.state.log.origin ? promise : null;
    } catch (error) {
      if (error instanceof FormatError || error instanceof NoteSignatureError) return null;
      throw error;
    }
  }

  /** The receipt when it holds; why not, when it does not. Its head is one that the log has shown, like any other. */
  private async holding(text: string): Promise<Receipt | string> {
    const bytes = new TextEncoder().encode(text);
    const report = await verifyReceipt(bytes, { crypto: nodeCrypto, log: this.state.log.vkey });
    if (!report.ok) return `the log gives a receipt that does not hold: ${report.firstBad!.detail}`;
    return parseReceipt(bytes);
  }

  private isOf({ entryId, body }: Receipt, promise: EntryPromise): boolean {
    return entryId === promise.entryId && equalBytes(nodeCrypto.sha256(fromBase64(body)), promise.bodyHash);
  }

  /** By our own clock while the deadline runs; behind it, by the word of witnesses. */
  private async isInTime({ proof }: Receipt, { deadline }: EntryPromise): Promise<boolean> {
    if (this.now() / 1000 <= deadline) return true;
    const { times } = await countWitnesses(nodeCrypto, parseTlogProof(proof).checkpoint, this.trust.policy);
    return times.some((time) => time <= deadline);
  }

  private kept({ entryId }: EntryPromise, receipt: string, detail: string): Finding {
    this.state.promise(entryId).outcome = 'kept';
    return { kind: 'kept', entryId, detail, file: this.state.keepReceipt(entryId, receipt) };
  }

  private async notKept(
    note: string,
    promise: EntryPromise,
    { receipt, text, bodyIsOther }: { receipt: Receipt | null; text: string | null; bodyIsOther: boolean },
  ): Promise<Finding | null> {
    const known = this.state.promise(promise.entryId);
    const first = known.lateCheckpoint ?? (await this.headNow());
    if (receipt && !bodyIsOther && (first === null || receipt.index < headOf(first).size)) {
      return this.kept(promise, text!, 'the receipt holds; nobody shows whether it was in time');
    }
    if (known.triedAt !== null && this.now() - Date.parse(known.triedAt) < AGAIN_MS) return null;
    known.triedAt = new Date(this.now()).toISOString();
    if (first === null) {
      return {
        kind: 'stopped',
        entryId: promise.entryId,
        detail: 'its deadline has passed, and the log has no head at all',
      };
    }
    known.lateCheckpoint = await withFreshCosignatures(first, this.trust.witnesses);
    const lacking = receipt ? { kind: 'receipt' as const, receipt } : await this.lackingIn(promise.entryId);
    return this.written(note, promise, known.lateCheckpoint, lacking);
  }

  /** The newest head that witnesses have seen, or else the newest. It is held against what was seen, like any other. */
  private async headNow(): Promise<string | null> {
    const witnessed = await this.source.witnessedCheckpoint();
    if (witnessed !== null && !(await this.head.contradiction(witnessed))) return witnessed;
    return this.head.newest?.note ?? null;
  }

  private async lackingIn(entryId: string): Promise<Lacking> {
    if (!this.trust.viewKey) return { kind: 'none' };
    const chunks = await this.source.bundle();
    if (!chunks) return { kind: 'none' };
    const name = `broken-promise-${entryId}.bundle.jsonl`;
    const digest = await this.evidence.writeBundle(name, chunks);
    return digest === null ? { kind: 'none' } : { kind: 'bundle', file: name, digest };
  }

  private async written(
    promise: string,
    { entryId, deadline }: Pick<EntryPromise, 'entryId' | 'deadline'>,
    checkpoint: string,
    lacking: Lacking,
  ): Promise<Finding> {
    const { origin, vkey } = this.state.log;
    const evidence: BrokenPromise = {
      v: 1,
      type: 'freehold-broken-promise',
      log: { origin, vkey },
      keys: this.state.log.keys.length === 0 ? [] : await this.head.linksInto(headOf(checkpoint)),
      promise,
      checkpoint,
      lacking,
    };
    const file = this.evidence.write(`broken-promise-${entryId}.json`, evidence);
    const report = await verifyBrokenPromise(new TextEncoder().encode(JSON.stringify(evidence)), {
      crypto: nodeCrypto,
      log: vkey,
      witnesses: this.trust.policy,
      viewKey: this.trust.viewKey,
      bundle: lacking.kind === 'bundle' ? this.evidence.read(lacking.file) : undefined,
    });
    if (report.broken) this.state.promise(entryId).outcome = 'broken';
    const detail = report.broken
      ? report.conclusion
      : `it was due by ${new Date(deadline * 1000).toISOString()}; ${report.conclusion}`;
    return { kind: 'broken', entryId, detail, file };
  }
}
