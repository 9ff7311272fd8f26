import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { projectRoot } from '#config';
import type { EvidenceJob, EvidenceVerdict } from '#proof';

/** Threads run the build's JavaScript, also when the caller is a test that runs from source. */
const THREAD_FILE = 'dist/apps/cli/src/verify/check-evidence.thread.js';
const MAX_THREADS = 8;

interface Waiting {
  resolve: (verdicts: EvidenceVerdict[]) => void;
  reject: (error: Error) => void;
}

/** One thread with the batches that it was given, in their order. */
interface Thread {
  worker: Worker;
  waiting: Waiting[];
}

/**
 * Checks signed requests on all processors: a signature costs more than everything else of an entry. The threads are started
 * with the first batch, so that what has no signed entries starts none.
 */
export class EvidenceThreads {
  private threads: Thread[] = [];

  /** An EvidenceChecker. */
  readonly check = (jobs: readonly EvidenceJob[]): Promise<EvidenceVerdict[]> => {
    if (this.threads.length === 0) this.start();
    const thread = this.threads.reduce((least, one) => (one.waiting.length < least.waiting.length ? one : least));
    return new Promise((resolve, reject) => {
      thread.waiting.push({ resolve, reject });
      thread.worker.postMessage(jobs);
    });
  };

  async close(): Promise<void> {
    const { threads } = this;
    this.threads = [];
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  private start(): void {
    const count = Math.min(MAX_THREADS, Math.max(1, availableParallelism()));
    this.threads = Array.from({ length: count }, () => startThread());
  }
}

function startThread(): Thread {
  const worker = new Worker(join(projectRoot(), THREAD_FILE));
  const waiting: Waiting[] = [];
  worker.on('message', (verdicts: EvidenceVerdict[]) => waiting.shift()?.resolve(verdicts));
  const lose = (error: Error) => {
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  worker.on('error', lose);
  worker.on('exit', () => lose(new Error('a thread that checks signatures ended')));
  return { worker, waiting };
}
