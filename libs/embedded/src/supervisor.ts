import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunningService, Service } from './service.js';

export interface ServiceStatus {
  name: string;
  state: 'starting' | 'running' | 'restarting' | 'stopped';
  pid: number | null;
  restarts: number;
}

export interface SupervisorOptions {
  /** Told what a person should know: a service that died, one that is back. */
  log: (line: string) => void;
  /** Told after each change of a service's status. */
  onChange?: (status: ServiceStatus[]) => void;
}

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 10_000;
/** A service that has run for this long is well: its next restart is quick again. */
const WELL_AFTER_MS = 30_000;

/**
 * Keeps services up: started in groups, one group after the other; restarted when they die, with growing pauses; stopped in
 * the reverse order. A service that does not come up the *first* time is an error of the start, not a reason to try on.
 */
export class Supervisor {
  private readonly groups: Watched[][] = [];
  private readonly abort = new AbortController();
  private stopping: Promise<void> | null = null;
  /** Nothing else may hold the process: servers that run apart from us do not. */
  private readonly holdsTheProcess = setInterval(() => undefined, 60_000);

  constructor(private readonly options: SupervisorOptions) {}

  /** Starts services together and resolves when all answer. When one fails, the error is its; call `stop` then. */
  async start(...services: Service[]): Promise<void> {
    this.abort.signal.throwIfAborted();
    const group = services.map(
      (service) => new Watched(service, this.abort.signal, this.options.log, () => this.changed()),
    );
    this.groups.push(group);
    const outcomes = await Promise.allSettled(group.map((watched) => watched.start()));
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure) throw failure.reason;
  }

  status(): ServiceStatus[] {
    return this.groups.flat().map((watched) => watched.status());
  }

  /** Stops all, the last started group first. Safe to call twice, and while a start is under way. */
  stop(): Promise<void> {
    this.stopping ??= this.stopInOrder();
    return this.stopping;
  }

  private async stopInOrder(): Promise<void> {
    this.abort.abort(new Error('the supervisor is stopping'));
    const failures: unknown[] = [];
    for (const group of this.groups.toReversed()) {
      const outcomes = await Promise.allSettled(group.map((watched) => watched.stop()));
      failures.push(...outcomes.filter((outcome) => outcome.status === 'rejected').map((outcome) => outcome.reason));
    }
    clearInterval(this.holdsTheProcess);
    if (failures.length > 0) throw new AggregateError(failures, 'not everything could be stopped');
  }

  private changed(): void {
    this.options.onChange?.(this.status());
  }
}

/** One service and its lives. */
class Watched {
  private state: ServiceStatus['state'] = 'starting';
  private running: RunningService | null = null;
  private restarts = 0;
  /** The restart under way, or done; `stop` waits for it before it looks at what runs. */
  private life: Promise<void> = Promise.resolve();

  constructor(
    private readonly service: Service,
    private readonly abort: AbortSignal,
    private readonly log: (line: string) => void,
    private readonly changed: () => void,
  ) {}

  async start(): Promise<void> {
    const first = this.bringUp();
    this.life = first.catch(() => undefined);
    await first;
    this.life = this.keepUp();
  }

  async stop(): Promise<void> {
    await this.life;
    await this.running?.stop();
    this.running = null;
    this.become('stopped');
  }

  status(): ServiceStatus {
    return { name: this.service.name, state: this.state, pid: this.running?.pid ?? null, restarts: this.restarts };
  }

  private async bringUp(): Promise<void> {
    this.running = await this.service.start(this.abort);
    this.become('running');
  }

  /** Never rejects; ends when the supervisor stops. */
  private async keepUp(): Promise<void> {
    let pause = FIRST_DELAY_MS;
    while (this.running && !this.abort.aborted) {
      const upSince = Date.now();
      const reason = await raceWithAbort(this.running.died, this.abort);
      if (reason === null) return;
      this.running = null;
      this.restarts += 1;
      this.log(`${this.service.name} ${reason}; starting it again`);
      this.become('restarting');
      if (Date.now() - upSince > WELL_AFTER_MS) pause = FIRST_DELAY_MS;
      pause = await this.restart(pause);
    }
  }

  /** Tries until it is up or the supervisor stops. Returns the pause before the next attempt. */
  private async restart(firstPause: number): Promise<number> {
    for (let pause = firstPause; ; pause = Math.min(pause * 2, LONGEST_DELAY_MS)) {
      await delay(pause, undefined, { signal: this.abort }).catch(() => undefined);
      if (this.abort.aborted) return pause;
      try {
        await this.bringUp();
        this.log(`${this.service.name} is up again`);
        return Math.min(pause * 2, LONGEST_DELAY_MS);
      } catch (error) {
        if (this.abort.aborted) return pause;
        this.log(
          `${(error as Error).message}\n${this.service.name}: trying again in ${Math.min(pause * 2, LONGEST_DELAY_MS)} ms`,
        );
      }
    }
  }

  private become(state: ServiceStatus['state']): void {
    this.state = state;
    this.changed();
  }
}

/** What the promise gives, or null when the signal came first. */
async function raceWithAbort<T>(promise: Promise<T>, abort: AbortSignal): Promise<T | null> {
  if (abort.aborted) return null;
  const settled = new AbortController();
  const aborted = once(abort, 'abort', { signal: settled.signal }).then(
    () => null,
    () => null,
  );
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    settled.abort();
  }
}
