import { FormatError, type NoteKey, parseVkey } from '#merkle';
import type { ProofCrypto } from './proof-crypto.js';

/** One thing that was checked, in words for people and with what it is about for programs. */
export interface VerificationStep {
  /** Which check: `format`, `log-key`, `body`, `leaf`, `checkpoint`, `inclusion`, `anchor`, ... */
  step: string;
  ok: boolean;
  detail: string;
  entryId?: string;
  /** Index of the leaf in the log. */
  index?: number;
}

/** What a verification came to. `ok` says that everything checked holds, not more; the other members say what was checked. */
export interface VerificationReport {
  ok: boolean;
  steps: VerificationStep[];
  /** The first step that failed; nothing after it was checked. */
  firstBad: VerificationStep | null;
  /** Whether the log's key came from the verifier. Otherwise anyone could have made the whole thing. */
  pinned: boolean;
  /** Whether a head that covers it is said to be on a chain, and whether that chain is independent of the operator. */
  anchored: boolean;
  independentTrust: boolean;
}

/** The step whose check does not hold. Thrown and caught inside a verification; never leaves it. */
class StepFailed extends Error {
  constructor(readonly failed: VerificationStep) {
    super(failed.detail);
  }
}

type About = Pick<VerificationStep, 'entryId' | 'index'>;

/** Collects steps until one fails. Whatever a check throws on hostile input becomes that step's failure. */
export class Verification {
  readonly steps: VerificationStep[] = [];
  pinned = false;
  anchored = false;
  independentTrust = false;

  /** Runs a check that returns its detail or throws why it does not hold. */
  async check(step: string, about: About, work: () => string | Promise<string>): Promise<void> {
    const detail = await this.attempt(step, about, work);
    this.steps.push({ step, ok: true, detail, ...about });
  }

  /** As `check`, but leaves no trace when it holds: for what is checked a million times. */
  async attempt<T>(step: string, about: About, work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof StepFailed) throw error;
      const detail = error instanceof Error ? error.message : 'it cannot be read';
      throw new StepFailed({ step, ok: false, detail, ...about });
    }
  }

  /** Runs the whole and gives the report, whatever happens. */
  async report(whole: () => Promise<void>): Promise<VerificationReport> {
    let firstBad: VerificationStep | null = null;
    try {
      await whole();
    } catch (error) {
      const detail = error instanceof Error ? error.message : 'it cannot be read';
      firstBad = error instanceof StepFailed ? error.failed : { step: 'read', ok: false, detail };
      this.steps.push(firstBad);
    }
    const { steps, pinned } = this;
    const ok = firstBad === null;
    return {
      ok,
      steps,
      firstBad,
      pinned,
      anchored: ok && this.anchored,
      independentTrust: ok && this.anchored && this.independentTrust,
    };
  }

  /** The log's key, taken from the verifier's own pin when there is one. */
  async logKey(
    crypto: ProofCrypto,
    claimed: { origin: string; vkey: string },
    pin: string | undefined,
  ): Promise<NoteKey> {
    let key: NoteKey | null = null;
    await this.check('log-key', {}, () => {
      key = parseVkey(crypto.sha256, claimed.vkey);
      if (key.name !== claimed.origin)
        throw new FormatError(`the key belongs to ${key.name}, not to ${claimed.origin}`);
      if (pin === undefined) return `taken from the file itself, so only as good as its source: ${claimed.vkey}`;
      if (pin !== claimed.vkey)
        throw new FormatError(`the file names the log key ${claimed.vkey}, but ${pin} is expected`);
      this.pinned = true;
      return `the expected log ${claimed.origin}`;
    });
    return key!;
  }
}
