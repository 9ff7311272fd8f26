import fc from 'fast-check';
import { clientNetwork, TokenBuckets } from './rate-limit.js';

/**
 * The oracle knows no bucket: a request is admitted if, counted with it, no stretch of time since any admitted request (or
 * the beginning) holds more than a minute's worth and what that stretch adds.
 */
function admittedByWindows(perMinute: number, times: readonly number[]): boolean[] {
  const admitted: number[] = [];
  return times.map((now) => {
    const fits = admitted.every(
      (since, index) => (admitted.length - index + 1) * 60_000 <= perMinute * (60_000 + now - since),
    );
    if (fits) admitted.push(now);
    return fits;
  });
}

const timesOf = (gaps: readonly number[]) => {
  let now = 0;
  return gaps.map((gap) => {
    now += gap;
    return now;
  });
};

describe('TokenBuckets', () => {
  it('admits exactly what no window of time forbids', () => {
    const gaps = fc.array(fc.oneof(fc.constant(0), fc.nat(3_000), fc.nat(200_000)), { maxLength: 80 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), gaps, (perMinute, between) => {
        const buckets = new TokenBuckets(perMinute);
        const times = timesOf(between);
        expect(times.map((now) => buckets.take('k', now).admitted)).toEqual(admittedByWindows(perMinute, times));
      }),
      { numRuns: 500 },
    );
  });

  it('keeps its word: what remains is admitted at once, and one more after retryAfterSeconds, not a second before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.array(fc.nat(5_000), { maxLength: 40 }), (perMinute, between) => {
        const buckets = new TokenBuckets(perMinute);
        const times = timesOf([0, ...between]);
        for (const now of times) buckets.take('k', now);
        const now = times.at(-1)!;
        const { remaining } = buckets.look('k', now);
        for (let index = 0; index < remaining; index += 1) expect(buckets.take('k', now).admitted).toBe(true);
        const refused = buckets.take('k', now);
        expect(refused).toMatchObject({ admitted: false, remaining: 0 });
        const wait = refused.retryAfterSeconds * 1000;
        expect(buckets.look('k', now + wait - 1000).admitted).toBe(false);
        expect(buckets.look('k', now + wait).admitted).toBe(true);
        expect(buckets.look('k', now + refused.resetSeconds * 1000).remaining).toBe(perMinute);
      }),
    );
  });

  it('counts each key alone and forgets those not used for longest', () => {
    const buckets = new TokenBuckets(1, 3);
    for (const key of ['a', 'b', 'c']) expect(buckets.take(key, 0).admitted).toBe(true);
    expect(buckets.take('a', 0).admitted).toBe(false);
    buckets.take('d', 0);
    expect(buckets.size).toBe(3);
    expect(['a', 'b', 'c', 'd'].map((key) => buckets.look(key, 0).admitted)).toEqual([false, true, false, false]);
  });
});

describe('clientNetwork', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('of %s is %s', (ip, network) => expect(clientNetwork(ip)).toBe(network));
});
