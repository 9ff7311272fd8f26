import pg from 'pg';
import { createTestDatabase } from '../../../test/support/embedded-database.js';
import { QueueFixture } from '../../../test/support/queue-fixture.js';
import { redisInstalled, TestRedis } from '../../../test/support/redis-server.js';
import { until } from '../../../test/support/until.js';
import { migrateQueue } from './migrate-queue.js';
import { EvictingRedisError, QueueUnavailableError } from './queue.errors.js';

let q: QueueFixture;
beforeAll(async () => {
  q = await QueueFixture.open();
});
afterAll(() => q.close());

describe('a queue in PostgreSQL', () => {
  beforeEach(() => q.forgetChanges());
  afterEach(() => q.stopAll());

  it('goes on after all its connections were cut', async () => {
    await q.start(({ key }) => q.effect(key));
    await q.change('before');
    await until('it is done', () => q.isDone());
    await q.admin.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    await q.change('after');
    await until('it is done', () => q.isDone());
    expect(await q.effects()).toEqual(['before', 'after']);
  });

  it('is refused by name when its schema was not migrated', async () => {
    const bare = await createTestDatabase();
    const failed = q.start(async () => undefined, { databaseUrl: bare.urls.freehold_system });
    await expect(failed).rejects.toThrow(QueueUnavailableError);
    await Promise.all([migrateQueue(bare.urls.freehold_owner), migrateQueue(bare.urls.freehold_owner)]);
    await q.start(async () => undefined, { databaseUrl: bare.urls.freehold_system });
  });

  it('is migrated again after its workers made sequences of their own', async () => {
    await q.start(({ key }) => q.effect(key));
    await Promise.all(['a', 'b', 'c', 'd'].map((key) => q.change(key)));
    await until('all are done', () => q.isDone());
    // What the queue's own functions do for the first jobs of a queue that come in bulk.
    const client = new pg.Client({ connectionString: q.database.urls.freehold_system });
    await client.connect();
    await client.query("SET search_path = bullmq; SELECT next_job_id('a queue')");
    await client.end();
    await migrateQueue(q.database.urls.freehold_owner);
  });

  it('is closed to the api role', async () => {
    const client = new pg.Client({ connectionString: q.database.urls.freehold_api });
    await client.connect();
    await expect(client.query('SELECT 1 FROM bullmq.migration')).rejects.toThrow(/permission denied/);
    await client.end();
  });
});

if (redisInstalled) {
  describe('a queue in Redis', () => {
    beforeEach(() => q.forgetChanges());
    afterEach(async () => {
      await q.stopAll();
      await q.redis?.remove();
      q.redis = undefined;
    });

    it.each(['allkeys-lru', 'volatile-ttl'])('is refused when its policy is %s', async (policy) => {
      q.redis = await TestRedis.start('--maxmemory-policy', policy);
      const failed = q.start(async () => undefined);
      await expect(failed).rejects.toThrow(EvictingRedisError);
      await expect(failed).rejects.toThrow(`its maxmemory-policy is ${policy}; set "maxmemory-policy noeviction"`);
    });

    it('goes on after Redis was killed and came back empty', async () => {
      q.redis = await TestRedis.start();
      await q.start(({ key }) => q.effect(key));
      await q.change('before');
      await until('it is done', () => q.isDone());
      await q.redis.kill();
      await q.change('meanwhile');
      await q.redis.start();
      await q.change('after');
      await until('both are done', () => q.isDone());
      expect((await q.effects()).sort()).toEqual(['after', 'before', 'meanwhile']);
    });

    it('that is not there ends the boot by name', async () => {
      q.redis = await TestRedis.start();
      await q.redis.kill();
      await expect(q.start(async () => undefined)).rejects.toThrow(/Redis of REDIS_URL cannot be reached/);
    });
  });
}
