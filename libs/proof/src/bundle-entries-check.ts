import { FormatError } from '#merkle';
import type { BundleEntry, OpenedEntry } from './bundle-format.js';
import { EnrolledKeys } from './enrolled-keys.js';
import { checkEvidenceJob, type EvidenceChecker } from './evidence-check.js';
import { EvidenceQueue, type FailedEvidence } from './evidence-queue.js';
import type { LedgerBody } from './ledger-body.js';
import type { ProofCrypto } from './proof-crypto.js';
import { ERASED_ACTION } from './replay-rules.js';
import { TenantChainCheck, type TenantPins } from './tenant-chain-check.js';
import type { Outcome } from './verification.js';

/** How many of the tenant's entries were vouched for, and how. */
export interface Vouchers {
  /** Their signed requests are there, hold, and asked for what was done. */
  signed: number;
  /** The same, but the entry comes after the one that revoked the key. */
  signedAfterRevocation: number;
  /** They say that they were signed; what proves it was erased, or that the key was the tenant's. */
  evidenceErased: number;
  custodial: number;
  /** Body and salt are gone, so that nobody can tell. */
  erased: number;
}

export interface BundleEntriesOptions extends TenantPins {
  crypto: ProofCrypto;
  /** Checks signed requests; without it, one after the other on this thread. */
  checkEvidence?: EvidenceChecker;
  /** Told of the tenant's entries in the order of its chain, each when its leaf holds. It counts once all is verified. */
  onEntry?: (entry: VerifiedEntry) => void;
}

/** An entry whose leaf holds. */
export interface VerifiedEntry {
  entryId: string;
  seq: number;
  index: number;
  /** Null when it was erased. */
  body: LedgerBody | null;
  /** Whether the bundle has the signed request behind it. */
  evidence: boolean;
}

/** What a bundle shows of one tenant: its chain through the leaves, who vouched for each entry, and what was erased. */
export class BundleEntriesCheck {
  readonly vouchers: Vouchers = {
    signed: 0,
    signedAfterRevocation: 0,
    evidenceErased: 0,
    custodial: 0,
    erased: 0,
  };
  readonly chain: TenantChainCheck;
  private readonly keys: EnrolledKeys;
  private readonly evidence: EvidenceQueue;
  private readonly onEntry: BundleEntriesOptions['onEntry'];
  /** Erased entries of which no entry said so yet, with their indexes. */
  private readonly unexplained = new Map<string, number>();
  /** Evidence that is not there, by its commitment, of which no entry said so yet: the first entry that was made by it. */
  private readonly missingEvidence = new Map<string, { id: string; index: number }>();
  private readonly evidenceOf = new Map<string, string>();

  constructor(
    { crypto, checkEvidence, onEntry, ...pins }: BundleEntriesOptions,
    scope: { origin: string; tenant: string },
  ) {
    this.onEntry = onEntry;
    this.chain = new TenantChainCheck(crypto, scope.origin, scope.tenant, pins);
    this.keys = new EnrolledKeys(crypto, scope);
    this.evidence = new EvidenceQueue(
      checkEvidence ?? ((jobs) => Promise.all(jobs.map((job) => checkEvidenceJob(crypto, job)))),
    );
  }

  /**
   * The leaf at `index`, with its hash in hexadecimal, and what the bundle has of it.
   * @returns the body, of an entry of the tenant that was not erased. @throws FormatError saying what does not hold
   */
  leaf(index: number, leaf: Uint8Array, hash: string, entry: BundleEntry | null): LedgerBody | null {
    if (!entry) {
      this.chain.foreign(leaf);
      return null;
    }
    if ('erased' in entry) {
      this.chain.erased(leaf, hash, entry);
      this.vouchers.erased++;
      this.unexplained.set(entry.id, index);
      this.onEntry?.({ entryId: entry.id, seq: entry.seq, index, body: null, evidence: false });
      return null;
    }
    const body = this.chain.own(leaf, hash, entry);
    this.onEntry?.({ entryId: entry.id, seq: entry.seq, index, body, evidence: entry.evidence !== null });
    if (entry.seq === 1) this.keys.begin(body);
    if (body.action === ERASED_ACTION) this.explain(body);
    return body;
  }

  /**
   * Who vouched for an entry.
   * @returns null, or what to wait for before the next leaf. @throws FormatError saying what does not hold
   */
  actor(index: number, entry: OpenedEntry, body: LedgerBody): Promise<void> | null {
    if (EnrolledKeys.isEnrolment(body)) return this.enrolment(index, entry, body);
    const later = this.vouched(index, entry, body);
    // A key may sign its own revocation.
    this.keys.noteRevocation(body);
    return later;
  }

  /** An entry that says that another one was erased: whole, or its evidence alone, which others may share. */
  private explain({ resource, after }: LedgerBody): void {
    if ((after as { scope?: unknown } | null)?.scope === 'body') this.unexplained.delete(resource.id);
    this.missingEvidence.delete(this.evidenceOf.get(resource.id) ?? '');
    // Of an entry whose body went too, nothing else tells which evidence it shared with others.
    const { evidence } = (after ?? {}) as { evidence?: unknown };
    if (typeof evidence === 'string') this.missingEvidence.delete(evidence);
  }

  /** Signed entries are checked behind the others: waits for all of them. The first that failed, or null. */
  finish(): Promise<FailedEvidence | null> {
    return this.evidence.finish();
  }

  /** The detail of the step `chain`. Left open where an entry is erased and none says so: it may be behind the head. */
  describeChain(tenant: string): Outcome {
    const { entries } = this.chain;
    const { erased } = this.vouchers;
    const detail = `entries 1 to ${entries} of ${tenant} each open their leaf and continue the one before`;
    if (erased === 0) return detail;
    const [first] = this.unexplained;
    const places = `${detail}; of ${erased} erased one(s) the place alone could be checked`;
    if (!first) return `${places}, and an entry says of each that it was erased`;
    const which = `${this.unexplained.size} of them, the first ${first[0]} at index ${first[1]}`;
    return { detail: `${places}; no entry in this bundle says that ${which}, was erased`, open: true };
  }

  /** The detail of the step `actor`. */
  describeActors(rootPinned: boolean): Outcome {
    const { signed, signedAfterRevocation, evidenceErased, custodial, erased } = this.vouchers;
    const [first] = this.missingEvidence.values();
    const counts = [
      `signed: ${signed}`,
      ...(signedAfterRevocation > 0 ? [`signed with a key that was revoked before: ${signedAfterRevocation}`] : []),
      `signed, evidence erased: ${evidenceErased}`,
      `custodial: ${custodial}`,
      `erased: ${erased}`,
      ...(first
        ? [`no entry in this bundle says that the evidence of ${first.id} at index ${first.index} was erased`]
        : []),
    ].join('; ');
    if (signed === 0) return { detail: counts, open: true };
    const detail = `${counts}; the keys go back to the root key of the chain's first entry`;
    const others = signedAfterRevocation + evidenceErased + custodial + erased;
    if (rootPinned) return others > 0 ? { detail, open: true } : detail;
    return { detail: `${detail}, which is not pinned`, open: true };
  }

  private async enrolment(index: number, entry: OpenedEntry, body: LedgerBody): Promise<void> {
    // The entry that enrolled the enrolling key may be among those that were erased.
    await this.keys.enrol(body, { gaps: this.vouchers.erased > 0 });
    await this.vouched(index, entry, body);
  }

  private vouched(index: number, { id, body: bytes, evidence }: OpenedEntry, body: LedgerBody): Promise<void> | null {
    const { vouched } = body;
    if (vouched.mode === 'custodial') {
      if (evidence) throw new FormatError('the entry says that nobody signed it, and yet there is evidence of it');
      this.vouchers.custodial++;
      return null;
    }
    if (!evidence) {
      this.missing(id, index, vouched.evidence);
      this.vouchers.evidenceErased++;
      return null;
    }
    const key = this.keys.find(vouched.keyId);
    if (!key) {
      // The entry that enrolled the key may be among those that were erased.
      if (this.vouchers.erased === 0) throw new FormatError(`no entry enrolled the key ${vouched.keyId}`);
      this.vouchers.evidenceErased++;
      return null;
    }
    if (key.userId !== body.actor.id) {
      throw new FormatError(`${key.keyId} is the key of ${key.userId}, not of ${body.actor.id}`);
    }
    this.vouchers[this.keys.isRevoked(key.keyId) ? 'signedAfterRevocation' : 'signed']++;
    return this.evidence.add({ body: bytes, ...evidence, publicKey: key.publicKey }, body, index);
  }

  private missing(id: string, index: number, commitment: string): void {
    this.evidenceOf.set(id, commitment);
    if (!this.missingEvidence.has(commitment)) this.missingEvidence.set(commitment, { id, index });
  }
}
