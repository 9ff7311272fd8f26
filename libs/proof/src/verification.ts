import { FormatError } from '#merkle';

/**
 * The names of the checks, the same for every kind of document. `inclusion` is the place in the log, `checkpoint` the log's
 * signature over its head, `consistency` what the verifier saw of the same log before.
 */
export type StepName =
  | 'read'
  | 'format'
  | 'log-key'
  | 'actor'
  | 'entry'
  | 'checkpoint'
  | 'inclusion'
  | 'witnesses'
  | 'anchor'
  | 'consistency'
  // Of evidence against a log: its promise, that an entry is not there, and two heads that contradict each other.
  | 'promise'
  | 'absence'
  | 'heads'
  // Of documents with many entries.
  | 'checkpoints'
  | 'leaf'
  | 'tree'
  | 'chain'
  | 'completeness'
  // Of answers about the past, and of a tenant's whole history.
  | 'state'
  | 'signatures'
  | 'erasures'
  | 'replay'
  | 'trailer';

/** One thing that was checked, in words for people and with what it is about for programs. */
export interface VerificationStep {
  step: StepName;
  ok: boolean;
  /** It holds only as far as it could be checked: pending, not pinned, nobody vouched. The detail says what is missing. */
  open?: true;
  detail: string;
  entryId?: string;
  /** Index of the leaf in the log. */
  index?: number;
}

/**
 * Why a verification failed. `invalid`: something is not what it claims to be. The others are said of documents in which all
 * that was checked holds, but which do not show what the verifier demands; except `inconsistent`, which says that the log
 * showed somebody another history: two heads that cannot both be true, both signed by it.
 */
export type Failure =
  | 'invalid'
  | 'not-pinned'
  | 'not-signed'
  | 'too-few-witnesses'
  | 'anchor-not-proven'
  | 'inconsistent';

/** What a verification came to. `ok` says that everything checked holds, not more; the other members say what was checked. */
export interface VerificationReport {
  ok: boolean;
  failure: Failure | null;
  steps: VerificationStep[];
  /** The first step that failed; when the failure is `invalid` or `inconsistent`, nothing after it was checked. */
  firstBad: VerificationStep | null;
  /** Whether the log's key came from the verifier. Otherwise anyone could have made the whole thing. */
  pinned: boolean;
  /** Whether a head that covers it is said to be on a chain. */
  anchored: boolean;
  /** Whether that was proven, and the chain is one that others run: what a document says of its own anchor is no trust. */
  independentTrust: boolean;
  /** Whether that head was proven to be in the state of a block that the verifier named. */
  anchorProven: boolean;
  /** How many of the witnesses that the verifier named signed the head. */
  witnesses: number;
  /** The log's head, once everything held: what a verifier keeps, to hold the next document against. */
  head: SignedHead | null;
  /** Checkpoints that the verifier kept from earlier and that were proven to be beginnings of this head, or the same. */
  continues: string[];
}

export interface SignedHead {
  origin: string;
  size: number;
  /** The signed note. */
  note: string;
}

/** How a check that did not fail came out: its detail alone, or with what is left open or is not met. */
export type Outcome = string | { detail: string; open?: boolean; unmet?: Exclude<Failure, 'invalid' | 'inconsistent'> };

/** Two heads of one log that cannot both be true. */
export class InconsistentError extends Error {
  override name = 'InconsistentError';
}

/** The step whose check does not hold. Thrown and caught inside a verification; never leaves it. */
class StepFailed extends Error {
  constructor(
    readonly failed: VerificationStep,
    readonly failure: Failure,
  ) {
    super(failed.detail);
  }
}

export type About = Pick<VerificationStep, 'entryId' | 'index'>;

/**
 * Collects steps until one does not hold. Whatever a check throws on hostile input becomes that step's failure. A demand of
 * the verifier that is not met fails its step and lets the rest be checked: a forgery is worse news than a missing anchor.
 */
export class Verification {
  readonly steps: VerificationStep[] = [];
  pinned = false;
  anchored = false;
  independentTrust = false;
  anchorProven = false;
  witnesses = 0;
  head: SignedHead | null = null;
  continues: string[] = [];
  private unmet: { step: VerificationStep; failure: Failure } | null = null;

  /** Runs a check that returns how it came out, or throws why it does not hold. */
  async check(step: StepName, about: About, work: () => Outcome | Promise<Outcome>): Promise<void> {
    this.settle(step, about, await this.attempt(step, about, work));
  }

  /** As `check`, but leaves no trace when it holds: for what is checked a million times. */
  async attempt<T>(step: StepName, about: About, work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw stepFailed(step, about, error);
    }
  }

  /** As `attempt`, for work that answers at once: no turn of the event loop is spent on it. */
  attemptNow<T>(step: StepName, about: About, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw stepFailed(step, about, error);
    }
  }

  private settle(step: StepName, about: About, outcome: Outcome): void {
    const { detail, open, unmet } = typeof outcome === 'string' ? { detail: outcome } : outcome;
    const settled: VerificationStep = {
      step,
      ok: unmet === undefined,
      ...(open ? { open: true } : {}),
      detail,
      ...about,
    };
    this.steps.push(settled);
    if (unmet) this.unmet ??= { step: settled, failure: unmet };
  }

  /** Runs the whole and gives the report, whatever happens. */
  async report(whole: () => Promise<void>): Promise<VerificationReport> {
    let firstBad: VerificationStep | null = null;
    let failure: Failure | null = null;
    try {
      await whole();
      if (this.unmet) ({ step: firstBad, failure } = this.unmet);
    } catch (error) {
      const failed = error instanceof StepFailed ? error : stepFailed('read', {}, error);
      ({ failed: firstBad, failure } = failed);
      this.steps.push(firstBad);
    }
    const { steps, pinned } = this;
    const ok = firstBad === null;
    return {
      ok,
      failure,
      steps,
      firstBad,
      pinned,
      anchored: ok && this.anchored,
      independentTrust: ok && this.anchored && this.anchorProven && this.independentTrust,
      anchorProven: ok && this.anchorProven,
      witnesses: ok ? this.witnesses : 0,
      head: ok ? this.head : null,
      continues: ok ? this.continues : [],
    };
  }
}

function stepFailed(step: StepName, about: About, error: unknown): StepFailed {
  if (error instanceof StepFailed) return error;
  const detail = error instanceof Error ? error.message : 'it cannot be read';
  return new StepFailed(
    { step, ok: false, detail, ...about },
    error instanceof InconsistentError ? 'inconsistent' : 'invalid',
  );
}

/** A document that is JSON in UTF-8 of at most so many bytes. @throws FormatError */
export function jsonDocument(document: Uint8Array, limit: number, what: string): unknown {
  if (document.length > limit) throw new FormatError(`the ${what} is longer than ${limit} bytes`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(document));
  } catch (cause) {
    throw new FormatError('the document is not JSON', { cause });
  }
}
