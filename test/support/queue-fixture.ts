import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Test, type TestingModule } from '@nestjs/testing';
import { Redis } from 'ioredis';
import pg from 'pg';
import { Database, DatabaseModule, Outbox, SystemUnitOfWork } from '#database';
import { type Job, migrateQueue, type QueueOptions, QueueRuntime } from '#queue';
import { createLogger, HealthRegistry, Metrics } from '#telemetry';
import { createTestDatabase, type TestDatabase } from './embedded-database.js';
import type { TestRedis } from './redis-server.js';

export const TOPIC = 'thing';

/** A database with an outbox, the queue on it or on Redis, and a table of effects: what a test of jobs stands on. */
export class QueueFixture {
  /** When set, jobs are there. */
  redis: TestRedis | undefined;
  private readonly runtimes: QueueRuntime[] = [];

  private constructor(
    readonly database: TestDatabase,
    readonly admin: pg.Pool,
    private readonly module: TestingModule,
  ) {}

  static async open(): Promise<QueueFixture> {
    const database = await createTestDatabase();
    await migrateQueue(database.urls.freehold_owner);
    const admin = new pg.Pool({ connectionString: database.adminUrl, max: 4 });
    admin.on('error', () => undefined);
    await admin.query('CREATE TABLE effect (key text, at timestamptz DEFAULT clock_timestamp())');
    await admin.query('GRANT ALL ON effect TO freehold_system');
    const url = database.urls.freehold_system;
    const imports = [DatabaseModule.forRoot({ url, role: 'system', applicationName: 'test' })];
    return new QueueFixture(database, admin, await Test.createTestingModule({ imports }).compile());
  }

  async close(): Promise<void> {
    await this.module.close();
    await this.admin.end();
  }

  /** As a change does: a row in the outbox, committed. */
  async change(...keys: string[]): Promise<void> {
    const outbox = this.module.get(Outbox);
    await this.module.get(SystemUnitOfWork).run(async (tx) => {
      for (const key of keys) outbox.add(tx, { topic: TOPIC, key });
    });
  }

  /** As a reconciler does: an effect, and the rows that it covers deleted in the same transaction. */
  async effect(key: string, before: () => Promise<void> = async () => undefined): Promise<void> {
    const outbox = this.module.get(Outbox);
    const uow = this.module.get(SystemUnitOfWork);
    const through = await uow.run((tx) => outbox.pendingThrough(tx, TOPIC, key));
    await before();
    await uow.run(async (tx) => {
      await tx.execute('INSERT INTO effect (key) VALUES ($1)', [key]);
      await outbox.complete(tx, TOPIC, key, through);
    });
  }

  /** A process's queue, relay and worker, in this process. */
  async start(
    process: (job: Job) => Promise<void>,
    options: Partial<QueueOptions> = {},
    { concurrency = 4, rest = 0 } = {},
  ): Promise<QueueRuntime> {
    const timing = { relay: { reofferMs: 400 }, lockMs: 1_000, stalledCheckMs: 500 };
    const made = new QueueRuntime(
      {
        databaseUrl: this.database.urls.freehold_system,
        redisUrl: this.redis?.url,
        topics: [TOPIC],
        ...timing,
        ...options,
      },
      {
        database: this.module.get(Database),
        logger: createLogger({ process: 'test', level: 'silent' }),
        metrics: new Metrics(),
        health: new HealthRegistry(),
      },
    );
    this.runtimes.push(made);
    await made.start([{ topic: TOPIC, concurrency, rest, processor: { process } }]);
    return made;
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.runtimes.splice(0).map((running) => running.stop()));
  }

  async pending(): Promise<number> {
    return Number((await this.admin.query('SELECT count(*) FROM outbox')).rows[0].count);
  }

  async isDone(): Promise<boolean> {
    return (await this.pending()) === 0;
  }

  async effects(): Promise<string[]> {
    return (await this.admin.query('SELECT key FROM effect ORDER BY at')).rows.map((row) => row.key);
  }

  async forgetChanges(): Promise<void> {
    await this.admin.query('TRUNCATE outbox, effect');
  }

  /** Everything that is stored about jobs, as text. */
  async storedJobs(): Promise<string> {
    if (!this.redis) {
      const { rows } = await this.admin.query(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'bullmq'",
      );
      const parts = rows.map(({ table_name }) =>
        this.admin.query(`SELECT row_to_json(t)::text AS row FROM bullmq."${table_name}" t`),
      );
      return (await Promise.all(parts)).flatMap((result) => result.rows.map((row) => row.row as string)).join('\n');
    }
    const client = new Redis(this.redis.url);
    const dumps: string[] = [];
    for (const key of await client.keys('*')) {
      const type = await client.type(key);
      dumps.push(key, type === 'hash' ? JSON.stringify(await client.hgetall(key)) : type);
    }
    client.disconnect();
    return dumps.join('\n');
  }

  /** Loses every job, as a flushed Redis or a truncated schema does. */
  async loseQueue(): Promise<void> {
    if (!this.redis) {
      await this.admin.query(`
        DO $$ DECLARE t text; BEGIN
          FOR t IN SELECT table_name FROM information_schema.tables WHERE table_schema = 'bullmq' AND table_name <> 'migration'
          LOOP EXECUTE format('TRUNCATE bullmq.%I CASCADE', t); END LOOP;
        END $$`);
      return;
    }
    const client = new Redis(this.redis.url);
    await client.flushall();
    client.disconnect();
  }

  /** A process of its own that takes a job, says so and never ends it. Runs the build, as production does. */
  async hangingProcess(): Promise<ChildProcess> {
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
    const options = {
      databaseUrl: this.database.urls.freehold_system,
      redisUrl: this.redis?.url,
      topics: [TOPIC],
      lockMs: 1_000,
    };
    const child = spawn(process.execPath, ['--input-type=module', '-e', code, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout!, 'data');
    return child;
  }
}
