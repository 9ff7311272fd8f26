import { Test, type TestingModule } from '@nestjs/testing';
import pg from 'pg';
import { DatabaseModule } from '#database';
import { Clock } from '#kernel';
import { type ApiWithLog, startApiWithLog } from '../../../test/support/api-with-log.js';
import { createTestDatabase } from '../../../test/support/embedded-database.js';
import { until } from '../../../test/support/until.js';
import { LogStatisticsQuery } from './app/log-statistics.query.js';
import { HOUR_MS, hoursUntil } from './domain/log-statistics.js';
import { LogIdentity } from './infra/log-identity.js';
import { LogStatisticsRepository } from './infra/log-statistics.repository.js';
import { OpenLogRepository } from './infra/open-log.repository.js';
import { OpenWitnessRepository } from './infra/open-witness.repository.js';

/** Three days of checkpoints, one every 2 s, of 1 to 7 entries: more than are counted at once. */
const SECONDS = 3 * 86_400;
const END = Date.UTC(2026, 5, 10, 12, 34, 56);

class TestClock extends Clock {
  constructor(private time: number) {
    super();
  }
  override now(): Date {
    return new Date(this.time);
  }
  forward(ms: number): void {
    this.time += ms;
  }
}

describe('figures of a long log', () => {
  let module: TestingModule;
  const clock = new TestClock(END);
  let client: pg.Client;
  let heads: { size: number; at: number }[];

  beforeAll(async () => {
    const database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.urls.freehold_system });
    await client.connect();
    await client.query(
      `INSERT INTO ledger_checkpoint (size, root, note, epoch, created_at)
       SELECT sum(1 + n * 7919 % 7) OVER (ORDER BY n), sha256(''), 'note', 1,
              to_timestamp($1 / 1000.0) - ($2 - n * 2) * interval '1 second'
         FROM generate_series(1, $2::int / 2) n`,
      [END, SECONDS],
    );
    heads = (
      await client.query(
        'SELECT size::float8 AS size, extract(epoch FROM created_at)::float8 * 1000 AS at FROM ledger_checkpoint ORDER BY size',
      )
    ).rows;
    module = await Test.createTestingModule({
      imports: [DatabaseModule.forRoot({ url: database.urls.freehold_api, role: 'api', applicationName: 'test' })],
      providers: [
        { provide: Clock, useValue: clock },
        { provide: LogIdentity, useValue: { origin: 'freehold/test', vkey: 'vkey' } },
        OpenLogRepository,
        OpenWitnessRepository,
        LogStatisticsRepository,
        LogStatisticsQuery,
      ],
    }).compile();
  });
  afterAll(async () => {
    await client?.end();
    await module?.close();
  });

  /** From all checkpoints, one by one. */
  function expected(hours: number, now: number) {
    return hoursUntil(new Date(now), hours).map((from) => {
      const sizeBefore = (time: number) => heads.filter((head) => head.at < time).at(-1)?.size ?? 0;
      const end = Math.min(from.getTime() + HOUR_MS, now + 1);
      const size = sizeBefore(end);
      return {
        from,
        entries: size - sizeBefore(from.getTime()),
        checkpoints: heads.filter((head) => head.at >= from.getTime() && head.at < end).length,
        size,
      };
    });
  }

  it('are those of its checkpoints, once all are counted; nothing is guessed before', async () => {
    const query = module.get(LogStatisticsQuery);
    const early = await query.execute(30);
    expect(early.checkpoints).toBeNull();
    expect(early.hours.map(({ entries }) => entries)).toEqual(expected(30, END).map(({ entries }) => entries));
    clock.forward(1000);
    const counted = await query.execute(30);
    expect(counted.checkpoints).toBe(heads.length);
    expect(counted.hours).toEqual(expected(30, END));
    expect((await query.execute(100)).hours.slice(0, 20).every(({ entries }) => entries === 0)).toBe(true);
  });

  it('are read once a second, and go on from what was counted', async () => {
    const query = module.get(LogStatisticsQuery);
    const before = await query.execute(1);
    const size = heads.at(-1)!.size + 5;
    await client.query(
      `INSERT INTO ledger_checkpoint (size, root, note, epoch, created_at) VALUES ($1, sha256('x'), 'note', 1, to_timestamp($2 / 1000.0))`,
      [size, END],
    );
    expect(await query.execute(1)).toEqual(before);
    clock.forward(1000);
    expect(await query.execute(1)).toMatchObject({ size, checkpoints: heads.length + 1 });
  });
});

describe('over HTTP', () => {
  let api: ApiWithLog;
  beforeAll(async () => {
    api = await startApiWithLog();
  });
  afterAll(() => api?.close());

  it('anybody reads them before the first checkpoint and after it, and they name nobody', async () => {
    const anyone = api.caller(null);
    expect(await anyone('GET', '/v1/log/statistics?hours=2')).toMatchObject({
      status: 200,
      body: { size: 0, root: null, publishedAt: null, ageSeconds: null, hours: [{ entries: 0 }, { entries: 0 }] },
    });
    const acme = await api.tenant();
    const vpc = await acme.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16', name: 'hidden' });
    await api.sequencer.tick();
    const { size, origin } = (await anyone('GET', '/v1/log')).body;
    const fresh = await figuresOf(anyone, size);
    expect(fresh).toMatchObject({
      size,
      checkpoints: expect.any(Number),
      anchors: { newest: null, unsettled: 0, behind: size },
      witnesses: { count: 0, behind: size },
    });
    const page = await anyone('GET', '/log');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(page.body).toContain(origin);
    for (const told of [JSON.stringify(fresh), page.body as string]) {
      for (const secret of [acme.id, vpc.body.id, 'led-', 'hidden', 'vpc.created']) expect(told).not.toContain(secret);
    }
    expect(page.body).not.toMatch(/<script|src=|https?:/);
  });

  it.each(['hours=0', 'hours=169', 'hours=x', 'hour=1'])('refuses ?%s', async (query) => {
    expect(await api.caller(null)('GET', `/v1/log/statistics?${query}`)).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: expect.stringMatching(/^\/query\/hour/) }] },
    });
  });

  /** Figures are kept for a second. */
  async function figuresOf(anyone: ReturnType<ApiWithLog['caller']>, size: number) {
    const read = async () => (await anyone('GET', '/v1/log/statistics?hours=1')).body;
    await until('the figures are of now', async () => (await read()).size === size);
    return read();
  }
});
