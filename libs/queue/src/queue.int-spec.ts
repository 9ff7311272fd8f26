import { once } from 'node:events';
import { QueueFixture } from '../../../test/support/queue-fixture.js';
import { redisInstalled, TestRedis } from '../../../test/support/redis-server.js';
import { until } from '../../../test/support/until.js';

let q: QueueFixture;
beforeAll(async () => {
  q = await QueueFixture.open();
});
afterAll(() => q.close());

const backends: [string, () => Promise<void>][] = [['PostgreSQL', async () => undefined]];
if (redisInstalled) {
  backends.push([
    'Redis',
    async () => {
      q.redis = await TestRedis.start();
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
  beforeEach(() => q.forgetChanges());
  afterEach(async () => {
    await q.stopAll();
    await q.loseQueue();
  });
  afterAll(async () => {
    await q.redis?.remove();
    q.redis = undefined;
  });

  it('are done once for each hint, by any of two processes', async () => {
    const keys = Array.from({ length: 200 }, (_, i) => `thing-${i}`);
    await q.start(({ key }) => q.effect(key));
    await q.start(({ key }) => q.effect(key));
    await q.change(...keys);
    await until('all rows are done', () => q.isDone());
    expect((await q.effects()).sort()).toEqual(keys.sort());
  });

  it('carry the key and nothing else', async () => {
    let stored = '';
    await q.start(({ key }) =>
      q.effect(key, async () => {
        stored = await q.storedJobs();
      }),
    );
    await q.change('canary-key');
    await until('it is done', () => q.isDone());
    expect(stored).toMatch(/\{\\?"key\\?": ?\\?"canary-key\\?"\}/);
    expect(stored).not.toMatch(/tenant|password|postgres:/);
  });

  it('are done as many at once as the topic allows, and no more', async () => {
    let atOnce = 0;
    let most = 0;
    await q.start(
      async ({ key }) => {
        atOnce += 1;
        most = Math.max(most, atOnce);
        await until('others run too', () => atOnce === 3 || most === 3, 2_000).catch(() => undefined);
        await q.effect(key);
        atOnce -= 1;
      },
      {},
      { concurrency: 3 },
    );
    await q.change(...Array.from({ length: 30 }, (_, i) => `thing-${i}`));
    await until('all rows are done', () => q.isDone());
    expect(most).toBe(3);
  });

  it('that fail are tried again, later and later, also beyond their last attempt', async () => {
    let failures = 9;
    const attempts: number[] = [];
    await q.start(async ({ key, attempt }) => {
      attempts.push(attempt);
      if (failures-- > 0) throw new Error('not yet');
      await q.effect(key);
    });
    await q.change('stubborn');
    await until('it is done', () => q.isDone(), 50_000);
    expect(attempts).toEqual([1, 2, 3, 4, 5, 6, 1, 2, 3, 4]);
    expect(await q.effects()).toEqual(['stubborn']);
  });

  it('see a change that comes while they run, without waiting for the next offer', async () => {
    let runs = 0;
    await q.start(
      async ({ key }) => {
        runs += 1;
        await q.effect(key, async () => {
          if (runs > 1) return;
          await q.change(key);
          // The queue drops this hint: a job of its id runs.
          await until('the second change was offered', async () => {
            const { rows } = await q.admin.query('SELECT bool_and(offered_at IS NOT NULL) AS all FROM outbox');
            return rows[0].all;
          });
        });
      },
      { relay: { reofferMs: 60_000 } },
    );
    await q.change('busy');
    await until('both changes are done', () => q.isDone());
    expect(runs).toBe(2);
  });

  it('rest as long as they were told to, and then do what came in meanwhile in one go', async () => {
    const started: number[] = [];
    await q.start(
      async ({ key }) => {
        started.push(Date.now());
        await q.effect(key, async () => {
          const { rows } = await q.admin.query('SELECT pg_sleep(0.05)');
          expect(rows).toHaveLength(1);
        });
        if (started.length === 1) for (let i = 0; i < 20; i += 1) await q.change(key);
      },
      {},
      { rest: 8 },
    );
    await q.change('hail');
    // Between the first effect and the changes after it nothing is pending either.
    await until('all are done', async () => started.length >= 2 && (await q.isDone()));
    expect(started).toHaveLength(2);
    expect((started[1] ?? 0) - (started[0] ?? 0)).toBeGreaterThanOrEqual(9 * 50);
  });

  it('are not run for hints that were answered meanwhile', async () => {
    let runs = 0;
    const first = await q.start(async () => {
      runs += 1;
    });
    await q.change('answered');
    await until('it ran', () => runs > 0);
    await q.admin.query('TRUNCATE outbox');
    await first.stop();
    const before = runs;
    await q.start(async () => {
      runs += 1;
    });
    await q.change('other');
    await until('the other ran', () => runs > before);
    await q.admin.query('TRUNCATE outbox');
    expect(runs).toBe(before + 1);
  });

  it('are offered again when the whole queue was lost', async () => {
    let holding = true;
    await q.start(async ({ key }) => {
      await until('the queue was lost', () => !holding);
      await q.effect(key);
    });
    await q.change(...Array.from({ length: 20 }, (_, i) => `thing-${i}`));
    await until('all were offered', async () => {
      const { rows } = await q.admin.query('SELECT count(*)::int AS n FROM outbox WHERE offered_at IS NOT NULL');
      return rows[0].n === 20;
    });
    await q.loseQueue();
    holding = false;
    await until('all rows are done', () => q.isDone());
    expect(new Set(await q.effects()).size).toBe(20);
  });

  it('of a process that was killed are done by another', async () => {
    const killed = await q.hangingProcess();
    await q.change('orphan');
    await once(killed.stdout!, 'data');
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    expect(await q.pending()).toBe(1);
    await q.start(({ key }) => q.effect(key));
    await until('the orphan is done', () => q.isDone());
    expect(await q.effects()).toEqual(['orphan']);
  });

  it('under way may end when the process stops, and no other begins', async () => {
    let release = false;
    let started = 0;
    const running = await q.start(
      async ({ key }) => {
        started += 1;
        await until('it may end', () => release);
        await q.effect(key);
      },
      {},
      { concurrency: 1 },
    );
    await q.change('one', 'two');
    await until('one runs', () => started === 1);
    const stopped = running.stop();
    release = true;
    await stopped;
    expect(started).toBe(1);
    expect(await q.effects()).toHaveLength(1);
    expect(await q.pending()).toBe(1);
  });

  it('that do not end in time are told to, and run again elsewhere', async () => {
    let told = false;
    let begun = false;
    const stuck = await q.start(
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
    await q.change('stuck');
    await until('it runs', () => begun);
    await stuck.stop();
    expect(told).toBe(true);
    await q.start(({ key }) => q.effect(key));
    await until('it is done elsewhere', () => q.isDone());
  });
});
