import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { projectRoot } from '#database';
import { SEGMENT_MAX_BYTES } from '#dataset';
import { DomainError } from '#kernel';
import type { GatherResult, GatherWork, PlaceResult, PlaceWork, ShardThreadData, ShardWork } from './shard-work.js';

/** Threads run the build's JavaScript, also when the caller is a test that runs from source. */
const THREAD_FILE = 'dist/libs/migration/src/infra/shard-work.thread.js';

/** A thread makes few objects; what is large is in buffers of its own. */
const YOUNG_GENERATION_MB = 4;

export abstract class ShardWorkersOptions {
  /** How many threads do shard work in this process. */
  abstract readonly shardThreads: number;
}

interface Waiting {
  resolve: (result: never) => void;
  reject: (error: Error) => void;
}

interface Thread {
  worker: Worker;
  waiting: Map<number, Waiting>;
}

/** A fixed number of worker threads for shard work; each request goes to the one with the least to do. */
@Injectable()
export class ShardWorkers implements OnModuleDestroy {
  private readonly threads: Thread[] = [];
  private nextNumber = 1;
  private closed = false;

  constructor(private readonly options: ShardWorkersOptions) {}

  place(work: Omit<PlaceWork, 'op'>): Promise<PlaceResult> {
    return this.send({ op: 'place', ...work });
  }

  gather(work: Omit<GatherWork, 'op'>): Promise<GatherResult> {
    return this.send({ op: 'gather', ...work });
  }

  async onModuleDestroy(): Promise<void> {
    this.closed = true;
    await Promise.all(this.threads.map(({ worker }) => worker.terminate()));
  }

  private send<Result>(work: ShardWork): Promise<Result> {
    if (this.closed) return Promise.reject(threadEnded('the process is about to end'));
    const thread = this.leastBusy();
    const number = this.nextNumber++;
    return new Promise((resolve, reject) => {
      thread.waiting.set(number, { resolve, reject });
      thread.worker.postMessage({ number, work });
    });
  }

  private leastBusy(): Thread {
    if (this.threads.length < this.options.shardThreads && this.threads.every(({ waiting }) => waiting.size > 0)) {
      const thread = this.start();
      this.threads.push(thread);
      return thread;
    }
    return this.threads.reduce((best, other) => (other.waiting.size < best.waiting.size ? other : best));
  }

  private start(): Thread {
    const thread: Thread = {
      worker: new Worker(join(projectRoot(), THREAD_FILE), {
        workerData: { segmentMaxBytes: SEGMENT_MAX_BYTES } satisfies ShardThreadData,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      }),
      waiting: new Map(),
    };
    thread.worker.on('message', ({ number, result, failure }: { number: number; result?: never; failure?: string }) => {
      const caller = thread.waiting.get(number);
      thread.waiting.delete(number);
      if (failure !== undefined) caller?.reject(new Error(failure));
      else caller?.resolve(result as never);
    });
    thread.worker.on('error', (cause) => this.lose(thread, threadEnded('it failed', cause)));
    thread.worker.on('exit', () => this.lose(thread, threadEnded('it ended')));
    return thread;
  }

  /** Whoever waits for the thread is told, and the next request starts another. */
  private lose(thread: Thread, error: Error): void {
    const at = this.threads.indexOf(thread);
    if (at >= 0) this.threads.splice(at, 1);
    for (const caller of thread.waiting.values()) caller.reject(error);
    thread.waiting.clear();
  }
}

function threadEnded(why: string, cause?: unknown): DomainError {
  return new DomainError('unavailable', 'ShardWorkerEnded', `A shard worker was lost: ${why}; try again.`, { cause });
}
