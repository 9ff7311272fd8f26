import fc from 'fast-check';
import { afterFailure, attemptOf } from './delivery-outcome.js';

const HOUR_MS = 3_600_000;
const rules = { firstRetryMs: 5_000, giveUpMs: 72 * HOUR_MS };
const first = { failures: 1, failingForMs: 0, retryAfterSeconds: null };

describe('attemptOf', () => {
  it.each([
    [200, null],
    [204, null],
    [299, null],
    [301, 'redirect'],
    [307, 'redirect'],
    [400, 'status'],
    [404, 'status'],
    [410, 'gone'],
    [500, 'status'],
    [199, 'status'],
  ])('a status of %i is %p', (status, failure) => {
    const attempt = attemptOf({ status, retryAfterSeconds: null, durationMs: 5 });
    expect(attempt).toEqual({ status, failure, durationMs: 5 });
  });

  it('without a reply there is no status', () => {
    expect(attemptOf({ failure: 'timeout', durationMs: 7 })).toEqual({
      status: null,
      failure: 'timeout',
      durationMs: 7,
    });
  });
});

describe('afterFailure', () => {
  it('doubles the pause from failure to failure, up to four hours', () => {
    const pauses = [1, 2, 3, 4, 10, 13, 14, 100].map(
      (failures) => afterFailure('status', { ...first, failures }, rules, 0.5) as { inMs: number },
    );
    expect(pauses.map(({ inMs }) => inMs / 1000)).toEqual([5, 10, 20, 40, 2_560, 14_400, 14_400, 14_400]);
  });

  it('spreads the pause by a fifth, and never makes it shorter than the receiver asked for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        fc.option(fc.nat(100_000)),
        (failures, random, retryAfterSeconds) => {
          const at = { failures, failingForMs: 0, retryAfterSeconds };
          const { inMs } = afterFailure('status', at, rules, random) as { inMs: number };
          const middle = Math.min(5_000 * 2 ** (failures - 1), 4 * HOUR_MS);
          const asked = Math.min((retryAfterSeconds ?? 0) * 1000, 4 * HOUR_MS);
          expect(inMs).toBeGreaterThanOrEqual(Math.floor(Math.max(middle * 0.8, asked)));
          expect(inMs).toBeLessThanOrEqual(Math.ceil(Math.max(middle * 1.2, asked)));
        },
      ),
    );
  });

  it('ends when the receiver is gone, or nothing was delivered for too long', () => {
    expect(afterFailure('gone', first, rules, 0)).toEqual({ kind: 'disable', reason: 'gone' });
    expect(afterFailure('dns', { ...first, failingForMs: 72 * HOUR_MS }, rules, 0)).toEqual({
      kind: 'disable',
      reason: 'failing',
    });
    expect(afterFailure('dns', { ...first, failingForMs: 72 * HOUR_MS - 1 }, rules, 0)).toMatchObject({
      kind: 'retry',
    });
  });
});
