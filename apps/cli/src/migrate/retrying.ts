import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionFailed, RemoteProblem } from './client-errors.js';

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 10_000;

export interface Patience {
  /** How long to go on trying after the first failure, in milliseconds. */
  forMs: number;
  signal?: AbortSignal;
}

/** True for what may pass by itself: a lost connection, an overloaded or restarting server. */
export function mayPass(error: unknown): boolean {
  if (error instanceof ConnectionFailed) return true;
  return error instanceof RemoteProblem && (error.status === 408 || error.status === 429 || error.status >= 500);
}

/** Runs `attempt` again, later and later, while it fails with what may pass; then gives its last error. */
export async function retrying<T>({ forMs, signal }: Patience, attempt: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + forMs;
  for (let turn = 0; ; turn += 1) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!mayPass(error) || Date.now() >= deadline) throw error;
      const wait = Math.min(FIRST_DELAY_MS * 2 ** turn, LONGEST_DELAY_MS) * (0.5 + Math.random() / 2);
      await delay(wait, undefined, { signal });
    }
  }
}
