import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '#database';
import type { Logger, Metrics } from '#telemetry';
import type { JobHandlerOptions, JobProcessor } from './job-handler.js';
import type { HintJob } from './queue-backend.js';

/** How often a job goes on with what came in meanwhile before it makes room for others. */
const MOST_ROUNDS = 16;
const LONGEST_REST_MS = 2_000;

export interface RunningHandler extends JobHandlerOptions {
  processor: JobProcessor;
}

/** When a process ends: at first jobs need not rest any more, then they must end. */
export interface EndOfProcess {
  closing: AbortSignal;
  deadline: AbortSignal;
}

/** Runs a topic's handler for a hint: not when nothing is pending any more, and again when more came in meanwhile. */
export class JobRunner {
  private readonly finished;
  private readonly duration;

  constructor(
    private readonly database: Pick<Database, 'query'>,
    private readonly logger: Logger,
    metrics: Metrics,
    private readonly end: EndOfProcess,
  ) {
    this.finished = metrics.counter({
      name: 'queue_jobs_total',
      help: 'Jobs that ended, by how.',
      labelNames: ['topic', 'outcome'],
    });
    this.duration = metrics.histogram({
      name: 'queue_job_duration_seconds',
      help: 'How long a job ran.',
      labelNames: ['topic'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    });
  }

  async run({ topic, rest, processor }: RunningHandler, job: HintJob): Promise<void> {
    const { key } = job.data;
    const attempt = job.attemptsMade + 1;
    try {
      const ran = await this.untilQuiet(topic, key, rest, () =>
        processor.process({ topic, key, attempt, signal: this.end.deadline }),
      );
      this.finished.inc({ topic, outcome: ran ? 'done' : 'nothing-to-do' });
    } catch (error) {
      this.finished.inc({ topic, outcome: 'failed' });
      this.logger.warn({ err: error, topic, key, attempt }, 'a job failed and will be tried again');
      throw error;
    }
  }

  /**
   * A hint that comes while its job runs is dropped by the queue, and the handler may have read the state before the change
   * behind that hint. So the outbox is asked again after each run.
   */
  private async untilQuiet(topic: string, key: string, rest: number, run: () => Promise<void>): Promise<boolean> {
    let newest = await this.newestPending(topic, key);
    if (newest === null) return false;
    for (let round = 1; round <= MOST_ROUNDS; round += 1) {
      const stopTimer = this.duration.startTimer({ topic });
      await run();
      await this.rest(stopTimer() * 1000 * rest);
      const now = await this.newestPending(topic, key);
      if (now === null || now <= newest) break;
      newest = now;
    }
    return true;
  }

  private async rest(ms: number): Promise<void> {
    if (ms < 1) return;
    await delay(Math.min(ms, LONGEST_REST_MS), undefined, { signal: this.end.closing }).catch(() => undefined);
  }

  private async newestPending(topic: string, key: string): Promise<bigint | null> {
    const [row] = await this.database.query<{ id: string | null }>(
      'SELECT max(id)::text AS id FROM outbox WHERE topic = $1 AND key = $2',
      [topic, key],
    );
    return row?.id == null ? null : BigInt(row.id);
  }
}
