import type { VerifiedEntry } from './bundle-entries-check.js';
import { isObject } from './json-difference.js';
import type { LedgerBody } from './ledger-body.js';
import type { StateHeader } from './ledger-state.js';
import { Replay, type ReplayBreak, resourceKey } from './replay.js';
import { ERASED_ACTION } from './replay-rules.js';
import { mustBeSigned } from './signing-demand.js';
import { StateComparison, type StateDifference, type StateRecord } from './state-comparison.js';
import type { VerificationReport, VerificationStep } from './verification.js';
import type { BundleReport } from './verify-bundle.js';

/** An entry that nobody signed though the tenant's policy of that moment wanted it signed. */
export interface UnsignedEntry {
  entryId: string;
  seq: number;
  index: number;
  action: string;
  /** So soon after the policy that the request may have been let in before it. */
  justAfterPolicy: boolean;
}

/** What was erased, and whether an entry says so. */
export interface ErasureFinding {
  entryId: string;
  seq: number;
  index: number;
  what: 'body' | 'evidence';
}

export interface HistoryReport extends BundleReport {
  /** Resources that the entries leave. */
  resources: number;
  /** Resources of the database that were compared with them; null when no state was at hand. */
  compared: number | null;
  differences: StateDifference[];
  breaks: ReplayBreak[];
  unsigned: UnsignedEntry[];
  /** What is gone without an entry that says so. */
  unexplainedErasures: ErasureFinding[];
  /** Entries that are younger than the state, and were not replayed. */
  later: number;
}

/** A request that was let in before the tenant demanded signatures may end after that. */
const POLICY_GRACE_MS = 60_000;

/**
 * Audits one tenant's whole history: told of every entry of a bundle in order, and of every resource of a database, it says
 * whether they are the same story. What it says counts as far as the bundle's own verification holds.
 */
export class HistoryAudit {
  private readonly replay = new Replay();
  private comparison: StateComparison | null = null;
  private readonly pending: Set<string>;
  private later = 0;
  private readonly unsigned: UnsignedEntry[] = [];
  private policySince = Number.NEGATIVE_INFINITY;
  /** The latest time of an entry so far: who writes an entry chooses its time, but not what stands before it. */
  private latest = Number.NEGATIVE_INFINITY;
  /** Commitments of signed requests that are not in the bundle, with the first entry that holds each. */
  private readonly withoutEvidence = new Map<string, ErasureFinding>();
  private readonly erasedEvidence = new Set<string>();
  /** Erased bodies, and the entries that say so: of all entries, also those younger than the state. */
  private readonly gone = new Map<string, ErasureFinding>();

  /** @param position of the state that will be compared; without it all entries are replayed */
  constructor(private readonly position: StateHeader | null) {
    this.pending = new Set(position?.pending);
  }

  entry({ body, evidence, ...place }: VerifiedEntry): void {
    if (body === null) this.gone.set(place.entryId, { ...place, what: 'body' });
    else this.vouching(place, body, evidence);
    if (this.position && place.seq > this.position.tenantSeq && !this.pending.has(place.entryId)) {
      this.later += 1;
      return;
    }
    this.pending.delete(place.entryId);
    this.replay.apply({ ...place, body });
  }

  /** A resource of the database; after the last entry. */
  resource(record: StateRecord): void {
    this.comparison ??= new StateComparison(this.replay);
    this.comparison.record(record);
  }

  /** After the last resource. Nothing was replayed for certain, and so nothing is compared, when the bundle does not hold. */
  finish(bundle: BundleReport): HistoryReport {
    if (this.position && bundle.ok) {
      this.comparison ??= new StateComparison(this.replay);
      this.comparison.end();
    }
    const { breaks } = this.replay;
    const differences = bundle.ok ? (this.comparison?.differences ?? []) : [];
    const unexplainedErasures = [...this.gone.values(), ...this.unexplainedEvidence()];
    const steps = bundle.ok ? this.steps(breaks, differences, unexplainedErasures) : [];
    const bad = steps.find(({ ok }) => !ok) ?? null;
    const failed: Partial<VerificationReport> = bad ? { ok: false, failure: 'invalid', firstBad: bad } : {};
    return {
      ...bundle,
      ...failed,
      complete: bundle.complete,
      steps: [...bundle.steps, ...steps],
      resources: this.live(),
      compared: this.position && bundle.ok ? (this.comparison?.compared ?? 0) : null,
      differences,
      breaks,
      unsigned: this.unsigned,
      unexplainedErasures,
      later: this.later,
    };
  }

  private vouching(place: Omit<VerifiedEntry, 'body' | 'evidence'>, body: LedgerBody, evidence: boolean): void {
    if (body.action === ERASED_ACTION) this.noteErasure(body);
    this.latest = Math.max(this.latest, Date.parse(body.time));
    if (body.vouched.mode === 'signed') {
      const { evidence: commitment } = body.vouched;
      if (!evidence && !this.withoutEvidence.has(commitment)) {
        this.withoutEvidence.set(commitment, { ...place, what: 'evidence' });
      }
    } else if (this.demanded(body)) {
      const justAfterPolicy = this.latest - this.policySince < POLICY_GRACE_MS;
      this.unsigned.push({ ...place, action: body.action, justAfterPolicy });
    }
    if (body.resource.type === 'signature-policy') this.policySince = this.latest;
  }

  private noteErasure({ resource, after }: LedgerBody): void {
    if (!isObject(after)) return;
    if (after.scope === 'body') this.gone.delete(resource.id);
    if (typeof after.evidence === 'string') this.erasedEvidence.add(after.evidence);
  }

  /** Whether the tenant's policy, as the entries so far leave it, wanted this signed: it binds the tenant's own users. */
  private demanded({ tenant, actor, action, class: entryClass }: LedgerBody): boolean {
    const policy = this.replay.resources.get(resourceKey('signature-policy', tenant))?.state;
    if (!isObject(policy) || policy.mode !== 'required' || actor.type !== 'user') return false;
    const own = this.replay.resources.has(resourceKey('user', actor.id));
    // What the operator does to a tenant is of these classes; as anything else it would be a user's.
    if (!own && (entryClass === 'system' || entryClass === 'audit')) return false;
    const actions = Array.isArray(policy.actions) ? policy.actions.filter((one) => typeof one === 'string') : [];
    return mustBeSigned(actions, action);
  }

  private unexplainedEvidence(): ErasureFinding[] {
    return [...this.withoutEvidence].filter(([key]) => !this.erasedEvidence.has(key)).map(([, finding]) => finding);
  }

  private live(): number {
    let count = 0;
    for (const { state } of this.replay.resources.values()) if (state !== null) count += 1;
    return count;
  }

  private steps(breaks: ReplayBreak[], differences: StateDifference[], erasures: ErasureFinding[]): VerificationStep[] {
    return [
      this.signaturesStep(),
      this.erasuresStep(erasures),
      this.replayStep(breaks),
      ...(this.position ? this.stateSteps(differences, this.position) : []),
    ];
  }

  private signaturesStep(): VerificationStep {
    const certain = this.unsigned.find(({ justAfterPolicy }) => !justAfterPolicy);
    const first = certain ?? this.unsigned[0];
    if (!first) return { step: 'signatures', ok: true, detail: 'every entry that was to be signed is' };
    const detail = `${first.action} is one of ${this.unsigned.length} that the tenant's policy wanted signed, and nobody signed it`;
    return { step: 'signatures', ...judged(Boolean(certain)), detail, ...about(first) };
  }

  private erasuresStep(unexplained: ErasureFinding[]): VerificationStep {
    const [first] = unexplained;
    if (first) {
      const detail = `the ${first.what} of ${unexplained.length} entr(ies) is gone, and no entry says that it was erased; if that was while the bundle was taken, audit again`;
      return { step: 'erasures', ok: false, detail, ...about(first) };
    }
    const bodies = this.replay.erased;
    if (bodies === 0) return { step: 'erasures', ok: true, detail: 'no body was erased' };
    const detail = `of ${bodies} erased entr(ies) the commitments alone are compared: what they changed, and of which resource, nobody can tell`;
    return { step: 'erasures', ok: true, open: true, detail };
  }

  private replayStep(breaks: ReplayBreak[]): VerificationStep {
    const certain = breaks.find(({ erasureMayExplain }) => !erasureMayExplain);
    const first = certain ?? breaks[0];
    if (!first) {
      const detail = `${this.replay.entries} entries lead from one state to the next and leave ${this.live()} resources`;
      return { step: 'replay', ok: true, detail };
    }
    const count = this.replay.breakCount > 1 ? ` (and ${this.replay.breakCount - 1} more)` : '';
    const excuse = certain ? '' : '; entries that were erased may account for it';
    const detail = `${first.type} ${first.id} ${first.detail}${count}${excuse}`;
    return { step: 'replay', ...judged(Boolean(certain)), detail, ...about(first) };
  }

  /** A step for each difference, so that each is named. */
  private stateSteps(differences: StateDifference[], position: StateHeader): VerificationStep[] {
    const compared = this.comparison?.compared ?? 0;
    const missing = this.pending.size;
    if (missing > 0) {
      const detail = `${missing} entr(ies) that the state knows of are not in the bundle: take a newer one`;
      return [{ step: 'state', ok: false, detail }];
    }
    const upTo = `as of entry number ${position.tenantSeq}${position.pending.length > 0 ? ` and ${position.pending.length} more` : ''}`;
    const summary = `${compared} resources of the database compared, ${upTo}: ${differences.length} differ`;
    if (differences.length === 0) return [{ step: 'state', ok: true, detail: summary }];
    return differences.map((difference): VerificationStep => {
      const { type, id, kind, fields, entryId, index, erasureMayExplain } = difference;
      const names = fields.map(({ pointer }) => pointer).filter((pointer) => pointer !== '');
      const where = names.length > 0 ? ` at ${names.join(', ')}` : '';
      const last = entryId === null ? '' : `; its last entry is ${entryId}`;
      const excuse = erasureMayExplain ? '; entries that were erased may account for it' : '';
      const detail = `${type} ${id} is ${kind}${where}${last}${excuse}`;
      return { step: 'state', ...judged(!erasureMayExplain), detail, ...about({ entryId, index }) };
    });
  }
}

function judged(certain: boolean): { ok: boolean; open?: true } {
  return certain ? { ok: false } : { ok: true, open: true };
}

function about({ entryId, index }: { entryId: string | null; index?: number | null }) {
  return {
    ...(entryId === null ? {} : { entryId }),
    ...(index === null || index === undefined ? {} : { index }),
  };
}
