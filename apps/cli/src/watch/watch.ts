import { ConnectionFailed, RemoteProblem } from '../migrate/client-errors.js';
import type { Finding } from './finding.js';
import type { KeptPromise } from './promise-store.js';
import type { WatchState } from './watch-state.js';
import type { WatchedHead } from './watched-head.js';
import type { WatchedPromises } from './watched-promises.js';

export interface WatchLimits {
  /** After so many seconds without an answer the log is silent. */
  silentSeconds: number;
}

/** One log under watch: its heads, and the promises that it gave. */
export class Watch {
  constructor(
    private readonly state: WatchState,
    private readonly head: WatchedHead,
    private readonly promises: WatchedPromises,
    private readonly limits: WatchLimits,
  ) {}

  /** Looks once at everything, and remembers it. Never throws for what a log answers or does not. */
  async look(kept: readonly KeptPromise[]): Promise<Finding[]> {
    const findings: Finding[] = [];
    try {
      findings.push(...(await this.head.look()));
      for (const promise of kept) {
        const found = await this.promises.look(promise);
        if (found) findings.push(found, ...this.stopped(found, promise));
      }
    } catch (error) {
      findings.push(...this.failed(error));
    }
    this.state.save();
    return findings;
  }

  /** Nothing at all has come since a promise was given that is due: the log has stopped, not only passed over one entry. */
  private stopped({ kind }: Finding, { keptAt }: KeptPromise): Finding[] {
    const { grewAt } = this.state.log;
    if (kind !== 'broken' || grewAt > keptAt) return [];
    return [{ kind: 'stopped', detail: `the log has published nothing since ${grewAt}` }];
  }

  private failed(error: unknown): Finding[] {
    if (error instanceof RemoteProblem && error.status < 500) return [{ kind: 'refused', detail: error.message }];
    const { name, message } = error as Error;
    if (name === 'FormatError' || error instanceof SyntaxError) return [{ kind: 'garbage', detail: message }];
    if (!(error instanceof RemoteProblem || error instanceof ConnectionFailed)) throw error;
    const seconds = Math.floor((Date.now() - Date.parse(this.state.log.answeredAt)) / 1000);
    if (seconds < this.limits.silentSeconds) return [];
    return [{ kind: 'silent', detail: `no answer for ${seconds} s: ${message}` }];
  }
}
