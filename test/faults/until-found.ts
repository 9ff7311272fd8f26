import { until } from '../support/until.js';

/** Waits until `look` finds something, and gives it; fails by name when it does not within the deadline. */
export async function untilFound<T>(
  what: string,
  look: () => T | null | undefined | Promise<T | null | undefined>,
  withinMs: number,
): Promise<T> {
  let found: T | null | undefined;
  const looked = async () => {
    found = await look();
    return found !== null && found !== undefined;
  };
  await until(what, looked, withinMs);
  return found as T;
}
