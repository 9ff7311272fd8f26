import { type Caller, startTestApi, type TestApi } from '../support/test-api.js';
import { until } from '../support/until.js';

const LIMIT = 8;

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ FREEHOLD_RATE_LIMIT: String(LIMIT) });
});
afterAll(() => api?.close());

const read = (call: Caller) => call('GET', '/v1/vpcs');

describe('the rate limit of a key', () => {
  it('is told with every reply, refuses what is beyond it with a problem, and admits again', async () => {
    const { call } = await api.tenant();
    const first = await read(call);
    expect(first.status).toBe(200);
    expect(first.headers.get('ratelimit-policy')).toBe(`"key";q=${LIMIT};w=60`);
    expect(first.headers.get('ratelimit')).toMatch(new RegExp(`^"key";r=${LIMIT - 1};t=\\d+$`));
    const replies = await Promise.all(Array.from({ length: 3 * LIMIT }, () => read(call)));
    const refused = replies.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(LIMIT);
    for (const reply of refused) {
      expect(reply.body).toMatchObject({ status: 429, code: 'RateLimited', requestId: expect.any(String) });
      expect(reply.headers.get('content-type')).toContain('application/problem+json');
      expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(reply.headers.get('ratelimit')).toMatch(/^"key";r=0;t=\d+$/);
    }
    await until('admitted again', async () => (await read(call)).status === 200);
  });

  it('is no other key`s, and a wrong secret uses none of it', async () => {
    const one = await api.tenant();
    const other = await api.tenant();
    await Promise.all(Array.from({ length: 2 * LIMIT }, () => read(one.call)));
    expect((await read(one.call)).status).toBe(429);
    const guess = `${other.apiKey.slice(0, -6)}AAAAAA`;
    for (let count = 0; count < LIMIT; count += 1) expect((await read(api.caller(guess))).status).toBe(401);
    expect((await read(other.call)).headers.get('ratelimit')).toMatch(new RegExp(`^"key";r=${LIMIT - 1};`));
  });
});

describe('a caller`s trace', () => {
  it('goes on in the reply', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traced = await api.caller(null)('GET', '/healthz', undefined, {
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    });
    expect(traced.headers.get('traceparent')).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
    expect((await api.caller(null)('GET', '/healthz')).headers.get('traceparent')).toBeNull();
  });
});

// Last: it leaves this address with many failures.
describe('guessing keys', () => {
  it('is slowed down for what has not worked before, and stops nobody whose key has', async () => {
    const known = await api.tenant();
    expect((await read(known.call)).status).toBe(200);
    const guesses = [];
    for (let count = 0; count < 70; count += 1)
      guesses.push(await read(api.caller(`fh_${'0'.repeat(17)}_${'A'.repeat(43)}`)));
    const last = guesses.at(-1);
    expect(guesses[0]?.status).toBe(401);
    expect([last?.status, last?.body.code]).toEqual([429, 'RateLimited']);
    expect(last?.headers.get('retry-after')).toBe('1');
    expect((await read(known.call)).status).toBe(200);
    expect((await api.caller(null)('GET', '/healthz')).status).toBe(200);
  });
});
