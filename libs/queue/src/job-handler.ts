import { SetMetadata } from '@nestjs/common';

/** A hint that something may have to be done about one thing. */
export interface Job {
  topic: string;
  /** Which thing; the outbox row's key. */
  key: string;
  /** 1 at first. A killed worker's job counts from where it was. */
  attempt: number;
  /** Aborts when the process must end before the job did. */
  signal: AbortSignal;
}

/**
 * Does what is to be done about `job.key` *now*, by reading the state and not the job; run again, or twice at once, it does
 * no harm. In the transaction of its effect it deletes the outbox rows that the effect covers (`Outbox.complete`). When it
 * rejects it is tried again, later and later; rows it never completes are offered for ever.
 */
export interface JobProcessor {
  process(job: Job): Promise<void>;
}

export interface JobHandlerOptions {
  topic: string;
  /** How many jobs of the topic this process does at once. */
  concurrency: number;
  /**
   * For each millisecond that a job ran it rests as many, two seconds at most, before it looks whether more came in. What
   * came in meanwhile is done in one go, and the topic takes `1 / (1 + rest)` of its places' time.
   */
  rest: number;
}

const JOB_HANDLER = 'freehold:job-handler';

/** Marks a provider that implements JobProcessor as the one handler of a topic. */
export const JobHandler = (
  topic: string,
  { concurrency = 4, rest = 0 }: Partial<Omit<JobHandlerOptions, 'topic'>> = {},
): ClassDecorator => SetMetadata(JOB_HANDLER, { topic, concurrency, rest } satisfies JobHandlerOptions);

export function jobHandlerOptions(metatype: unknown): JobHandlerOptions | undefined {
  return typeof metatype === 'function'
    ? (Reflect.getMetadata(JOB_HANDLER, metatype) as JobHandlerOptions | undefined)
    : undefined;
}
