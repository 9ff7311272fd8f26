import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Test, type TestingModule } from '@nestjs/testing';
import { Redis } from 'ioredis';
import pg from 'pg';
import { Database, DatabaseModule, Outbox, SystemUnitOfWork } from '#database';
import { createLogger, HealthRegistry, Metrics } from '#telemetry';
import { createTestDatabase, type TestDatabase } from '../../../test/support/embedded-database.js';
import { redisInstalled, TestRedis } from '../../../test/support/redis-server.js';
import { until } from '../../../test/support/until.js';
import type { Job } from './job-handler.js';
import type { RunningHandler } from './job-runner.js';
import { migrateQueue } from './migrate-queue.js';
import { EvictingRedisError, QueueUnavailableError } from './queue.errors.js';
import { type QueueOptions, QueueRuntime } from './queue-runtime.js';

const TOPIC = 'thing';

let database: TestDatabase;
let module: TestingModule;
let uow: SystemUnitOfWork;
let outbox: Outbox;
let admin: pg.Pool;
let redis: TestRedis | undefined;
const runtimes: QueueRuntime[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  await migrateQueue(database.urls.freehold_owner);
  admin = new pg.Pool({ connectionString: database.adminUrl, max: 4 });
  admin.on('error', () => undefined);
  await admin.query('CREATE TABLE effect (key text, at timestamptz DEFAULT clock_timestamp())');
  await admin.query('GRANT ALL ON effect TO freehold_system');
  const url = database.urls.freehold_system;
  module = await Test.createTestingModule({
    imports: [DatabaseModule.forRoot({ url, role: 'system', applicationName: 'test' })],
  }).compile();
  uow = module.get(SystemUnitOfWork);
  outbox = module.get(Outbox);
});
afterAll(async () => {
  await module.close();
  await admin.end();
});

/** As a change does: a row in the outbox, committed. */
async function change(...keys: string[]): Promise<void> {
  await uow.run(async (tx) => {
    for (const key of keys) outbox.add(tx, { topic: TOPIC, key });
  });
}

/** As a reconciler does: an effect, and the rows that it covers deleted in the same transaction. */
async function effect(key: string, before: () => Promise<void> = async () => undefined): Promise<void> {
  const through = await uow.run((tx) => outbox.pendingThrough(tx, TOPIC, key));
  await before();
  await uow.run(async (tx) => {
    await tx.execute('INSERT INTO effect (key) VALUES ($1)', [key]);
    await outbox.complete(tx, TOPIC, key, through);
  });
}

async function runtime(
  process: (job: Job) => Promise<void>,
  options: Partial<QueueOptions> = {},
  { concurrency = 4, rest = 0 } = {},
): Promise<QueueRuntime> {
  const made = new QueueRuntime(
    {
      databaseUrl: database.urls.freehold_system,
      redisUrl: redis?.url,
      topics: [TOPIC],
      relay: { reofferMs: 400 },
      lockMs: 1_000,
      stalledCheckMs: 500,
      ...options,
    },
    {
      database: module.get(Database),
      logger: createLogger({ process: 'test', level: 'silent' }),
      metrics: new Metrics(),
      health: new HealthRegistry(),
    },
  );
  runtimes.push(made);
  const handler: RunningHandler = { topic: TOPIC, concurrency, rest, processor: { process } };
  await made.start([handler]);
  return made;
}

const pending = async () => Number((await admin.query('SELECT count(*) FROM outbox')).rows[0].count);
const effects = async (): Promise<string[]> =>
  (await admin.query('SELECT key FROM effect ORDER BY at')).rows.map((row) => row.key);

/** Everything that is stored about jobs, as text. */
async function storedJobs(): Promise<string> {
  if (!redis) {
    const { rows } = await admin.query(
      "SELECT table_name FROM information_schema.tables WHERE table_schema = 'bullmq'",
    );
    const parts = rows.map(({ table_name }) =>
      admin.query(`SELECT row_to_json(t)::text AS row FROM bullmq."${table_name}" t`),
    );
    return (await Promise.all(parts)).flatMap((result) => result.rows.map((row) => row.row as string)).join('\n');
  }
  const client = new Redis(redis.url);
  const dumps: string[] = [];
  for (const key of await client.keys('*')) {
    const type = await client.type(key);
    dumps.push(key, type === 'hash' ? JSON.stringify(await client.hgetall(key)) : type);
  }
  client.disconnect();
  return dumps.join('\n');
}

/** Loses every job, as a flushed Redis or a truncated schema does. */
async function loseQueue(): Promise<void> {
  if (!redis) {
    await admin.query(`
      DO $$ DECLARE t text; BEGIN
        FOR t IN SELECT table_name FROM information_schema.tables WHERE table_schema = 'bullmq' AND table_name <> 'migration'
        LOOP EXECUTE format('TRUNCATE bullmq.%I CASCADE', t); END LOOP;
      END $$`);
    return;
  }
  const client = new Redis(redis.url);
  await client.flushall();
  client.disconnect();
}

const backends: [string, () => Promise<void>][] = [['PostgreSQL', async () => undefined]];
if (redisInstalled) {
  backends.push([
    'Redis',
    async () => {
      redis = await TestRedis.start();
    },
  ]);
} else {
  describe('jobs on Redis', () => {
    it('are not tested here: redis-server is not installed', () => {
      console.warn('NOT TESTED: the queue on Redis (redis-server is not installed)');
    });
  });
}

describe.each(backends)('jobs on %s', (_name, open) => {
  beforeAll(open);
  beforeEach(() => admin.query('TRUNCATE outbox, effect'));
  afterEach(async () => {
    await Promise.all(runtimes.splice(0).map((running) => running.stop()));
    await loseQueue();
  });
  afterAll(async () => {
    await redis?.remove();
    redis = undefined;
  });

  it('are done once for each hint, by any of two processes', async () => {
    const keys = Array.from({ length: 200 }, (_, i) => `thing-${i}`);
    await runtime(({ key }) => effect(key));
    await runtime(({ key }) => effect(key));
    await change(...keys);
    await until('all rows are done', async () => (await pending()) === 0);
    expect((await effects()).sort()).toEqual(keys.sort());
  });

  it('carry the key and nothing else', async () => {
    let stored = '';
    await runtime(({ key }) =>
      effect(key, async () => {
        stored = await storedJobs();
      }),
    );
    await change('canary-key');
    await until('it is done', async () => (await pending()) === 0);
    expect(stored).toMatch(/\{\\?"key\\?": ?\\?"canary-key\\?"\}/);
    expect(stored).not.toMatch(/tenant|password|postgres:/);
  });

  it('are done as many at once as the topic allows, and no more', async () => {
    let atOnce = 0;
    let most = 0;
    await runtime(
      async ({ key }) => {
        atOnce += 1;
        most = Math.max(most, atOnce);
        await until('others run too', () => atOnce === 3 || most === 3, 2_000).catch(() => undefined);
        await effect(key);
        atOnce -= 1;
      },
      {},
      { concurrency: 3 },
    );
    await change(...Array.from({ length: 30 }, (_, i) => `thing-${i}`));
    await until('all rows are done', async () => (await pending()) === 0);
    expect(most).toBe(3);
  });

  it('that fail are tried again, later and later, also beyond their last attempt', async () => {
    let failures = 9;
    const attempts: number[] = [];
    await runtime(async ({ key, attempt }) => {
      attempts.push(attempt);
      if (failures-- > 0) throw new Error('not yet');
      await effect(key);
    });
    await change('stubborn');
    await until('it is done', async () => (await pending()) === 0, 50_000);
    expect(attempts).toEqual([1, 2, 3, 4, 5, 6, 1, 2, 3, 4]);
    expect(await effects()).toEqual(['stubborn']);
  });

  it('see a change that comes while they run, without waiting for the next offer', async () => {
    let runs = 0;
    await runtime(
      async ({ key }) => {
        runs += 1;
        await effect(key, async () => {
          if (runs > 1) return;
          await change(key);
          // The queue drops this hint: a job of its id runs.
          await until('the second change was offered', async () => {
            const { rows } = await admin.query('SELECT bool_and(offered_at IS NOT NULL) AS all FROM outbox');
            return rows[0].all;
          });
        });
      },
      { relay: { reofferMs: 60_000 } },
    );
    await change('busy');
    await until('both changes are done', async () => (await pending()) === 0);
    expect(runs).toBe(2);
  });

  it('rest as long as they were told to, and then do what came in meanwhile in one go', async () => {
    const started: number[] = [];
    await runtime(
      async ({ key }) => {
        started.push(Date.now());
        await effect(key, async () => {
          const { rows } = await admin.query('SELECT pg_sleep(0.05)');
          expect(rows).toHaveLength(1);
        });
        if (started.length === 1) for (let i = 0; i < 20; i += 1) await change(key);
      },
      {},
      { rest: 8 },
    );
    await change('hail');
    await until('all are done', async () => (await pending()) === 0);
    expect(started).toHaveLength(2);
    expect((started[1] ?? 0) - (started[0] ?? 0)).toBeGreaterThanOrEqual(9 * 50);
  });

  it('are not run for hints that were answered meanwhile', async () => {
    let runs = 0;
    const first = await runtime(async () => {
      runs += 1;
    });
    await change('answered');
    await until('it ran', () => runs > 0);
    await admin.query('TRUNCATE outbox');
    await first.stop();
    const before = runs;
    await runtime(async () => {
      runs += 1;
    });
    await change('other');
    await until('the other ran', () => runs > before);
    await admin.query('TRUNCATE outbox');
    expect(runs).toBe(before + 1);
  });

  it('are offered again when the whole queue was lost', async () => {
    let holding = true;
    await runtime(async ({ key }) => {
      await until('the queue was lost', () => !holding);
      await effect(key);
    });
    await change(...Array.from({ length: 20 }, (_, i) => `thing-${i}`));
    await until('all were offered', async () => {
      const { rows } = await admin.query('SELECT count(*)::int AS n FROM outbox WHERE offered_at IS NOT NULL');
      return rows[0].n === 20;
    });
    await loseQueue();
    holding = false;
    await until('all rows are done', async () => (await pending()) === 0);
    expect(new Set(await effects()).size).toBe(20);
  });

  it('of a process that was killed are done by another', async () => {
    const killed = await hangingProcess();
    await change('orphan');
    await once(killed.stdout!, 'data');
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    expect(await pending()).toBe(1);
    await runtime(({ key }) => effect(key));
    await until('the orphan is done', async () => (await pending()) === 0);
    expect(await effects()).toEqual(['orphan']);
  });

  it('under way may end when the process stops, and no other begins', async () => {
    let release = false;
    let started = 0;
    const running = await runtime(
      async ({ key }) => {
        started += 1;
        await until('it may end', () => release);
        await effect(key);
      },
      {},
      { concurrency: 1 },
    );
    await change('one', 'two');
    await until('one runs', () => started === 1);
    const stopped = running.stop();
    release = true;
    await stopped;
    expect(started).toBe(1);
    expect(await effects()).toHaveLength(1);
    expect(await pending()).toBe(1);
  });

  it('that do not end in time are told to, and run again elsewhere', async () => {
    let told = false;
    let begun = false;
    const stuck = await runtime(
      ({ signal }) =>
        new Promise((_resolve, reject) => {
          begun = true;
          signal.addEventListener('abort', () => {
            told = true;
            reject(new Error('told to end'));
          });
        }),
      { closeTimeoutMs: 200 },
    );
    await change('stuck');
    await until('it runs', () => begun);
    await stuck.stop();
    expect(told).toBe(true);
    await runtime(({ key }) => effect(key));
    await until('it is done elsewhere', async () => (await pending()) === 0);
  });
});

/** A process of its own that takes a job, says so and never ends it. Runs the build, as production does. */
async function hangingProcess(): Promise<ChildProcess> {
  const code = `
    import 'reflect-metadata';
    import pg from 'pg';
    const { QueueRuntime } = await import('#queue');
    const { createLogger, HealthRegistry, Metrics } = await import('#telemetry');
    const options = JSON.parse(process.argv[1]);
    const pool = new pg.Pool({ connectionString: options.databaseUrl });
    const runtime = new QueueRuntime(options, {
      database: { query: async (sql, params) => (await pool.query(sql, params)).rows },
      logger: createLogger({ process: 'child', level: 'silent' }),
      metrics: new Metrics(),
      health: new HealthRegistry(),
    });
    await runtime.start([{ topic: '${TOPIC}', concurrency: 1, rest: 0, processor: { process: () => { console.log('took it'); return new Promise(() => {}); } } }]);
    console.log('ready');`;
  const options = { databaseUrl: database.urls.freehold_system, redisUrl: redis?.url, topics: [TOPIC], lockMs: 1_000 };
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout!, 'data');
  return child;
}

describe('a queue in PostgreSQL', () => {
  beforeEach(() => admin.query('TRUNCATE outbox, effect'));
  afterEach(() => Promise.all(runtimes.splice(0).map((running) => running.stop())));

  it('goes on after all its connections were cut', async () => {
    await runtime(({ key }) => effect(key));
    await change('before');
    await until('it is done', async () => (await pending()) === 0);
    await admin.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    await change('after');
    await until('it is done', async () => (await pending()) === 0);
    expect(await effects()).toEqual(['before', 'after']);
  });

  it('is refused by name when its schema was not migrated', async () => {
    const bare = await createTestDatabase();
    const failed = runtime(async () => undefined, { databaseUrl: bare.urls.freehold_system });
    await expect(failed).rejects.toThrow(QueueUnavailableError);
    await Promise.all([migrateQueue(bare.urls.freehold_owner), migrateQueue(bare.urls.freehold_owner)]);
    await runtime(async () => undefined, { databaseUrl: bare.urls.freehold_system });
  });

  it('is closed to the api role', async () => {
    const client = new pg.Client({ connectionString: database.urls.freehold_api });
    await client.connect();
    await expect(client.query('SELECT 1 FROM bullmq.migration')).rejects.toThrow(/permission denied/);
    await client.end();
  });
});

if (redisInstalled) {
  describe('a queue in Redis', () => {
    beforeEach(() => admin.query('TRUNCATE outbox, effect'));
    afterEach(async () => {
      await Promise.all(runtimes.splice(0).map((running) => running.stop()));
      await redis?.remove();
      redis = undefined;
    });

    it.each(['allkeys-lru', 'volatile-ttl'])('is refused when its policy is %s', async (policy) => {
      redis = await TestRedis.start('--maxmemory-policy', policy);
      const failed = runtime(async () => undefined);
      await expect(failed).rejects.toThrow(EvictingRedisError);
      await expect(failed).rejects.toThrow(`its maxmemory-policy is ${policy}; set "maxmemory-policy noeviction"`);
    });

    it('goes on after Redis was killed and came back empty', async () => {
      redis = await TestRedis.start();
      await runtime(({ key }) => effect(key));
      await change('before');
      await until('it is done', async () => (await pending()) === 0);
      await redis.kill();
      await change('meanwhile');
      await redis.start();
      await change('after');
      await until('both are done', async () => (await pending()) === 0);
      expect((await effects()).sort()).toEqual(['after', 'before', 'meanwhile']);
    });

    it('that is not there ends the boot by name', async () => {
      redis = await TestRedis.start();
      await redis.kill();
      await expect(runtime(async () => undefined)).rejects.toThrow(/Redis of REDIS_URL cannot be reached/);
    });
  });
}
