import type { EvidenceChecker, EvidenceJob, SignedUse } from './evidence-check.js';
import type { LedgerBody } from './ledger-body.js';
import { SignedRequestUse } from './signed-request-use.js';

/** A signed entry that failed, and why. */
export interface FailedEvidence {
  entryId: string;
  index: number;
  detail: string;
}

interface Waiting {
  job: EvidenceJob;
  body: LedgerBody;
  index: number;
}

const BATCH_JOBS = 128;
const BATCH_CHARACTERS = 2 << 20;
/** Enough to keep two threads at work; bounds what is held, which is this many times the largest batch. */
const BATCHES_UNDER_WAY = 6;

/**
 * Hands signed entries to a checker in batches, several at a time, and takes the verdicts in the order of the entries:
 * whether a request was used before depends on it. Remembers the first that failed.
 */
export class EvidenceQueue {
  private batch: Waiting[] = [];
  private characters = 0;
  private readonly underWay: Promise<void>[] = [];
  private settled: Promise<void> = Promise.resolve();
  private readonly uses = new SignedRequestUse();
  private failed: FailedEvidence | null = null;

  constructor(private readonly check: EvidenceChecker) {}

  /** @returns null, or what to wait for before the next one, so that reading does not run ahead of checking */
  add(job: EvidenceJob, body: LedgerBody, index: number): Promise<void> | null {
    this.batch.push({ job, body, index });
    this.characters += job.body.length + job.document.length;
    if (this.batch.length < BATCH_JOBS && this.characters < BATCH_CHARACTERS) return null;
    this.send();
    return this.underWay.length < BATCHES_UNDER_WAY ? null : this.underWay[0]!;
  }

  /** Waits for everything. The first that failed, or null. */
  async finish(): Promise<FailedEvidence | null> {
    if (this.batch.length > 0) this.send();
    await this.settled;
    return this.failed;
  }

  private send(): void {
    const { batch } = this;
    this.batch = [];
    this.characters = 0;
    const verdicts = this.check(batch.map(({ job }) => job));
    const done = Promise.all([verdicts, this.settled]).then(([given]) => {
      for (const [at, { body, index }] of batch.entries()) {
        const verdict = given[at] ?? { ok: false, detail: 'there is no verdict on it' };
        if (!verdict.ok) this.fail(body, index, verdict.detail);
        else this.use(verdict.use, body, index);
      }
      this.underWay.shift();
    });
    // A checker that fails as a whole fails the verification, when it is waited for; until then nobody else hears of it.
    done.catch(() => {});
    this.underWay.push(done);
    this.settled = done;
  }

  private use(use: SignedUse, body: LedgerBody, index: number): void {
    try {
      this.uses.note(use, body);
    } catch (error) {
      this.fail(body, index, error instanceof Error ? error.message : 'the request was used before');
    }
  }

  private fail({ id }: LedgerBody, index: number, detail: string): void {
    this.failed ??= { entryId: id, index, detail };
  }
}
