import { setTimeout as delay } from 'node:timers/promises';

/** Waits until a condition holds, looking often; fails by name when it does not within the deadline. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, deadlineMs = 20_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await delay(10);
  }
}
