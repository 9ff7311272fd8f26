import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import pg from 'pg';
import { freePort } from '#embedded';
import { migrateQueue } from '#queue';
import { type ChainFixture, startChainFixture } from '../../../test/support/chain-fixture.js';
import { type Caller, startTestApi, type TestApi } from '../../../test/support/test-api.js';
import { until } from '../../../test/support/until.js';

const DEADLINE_MS = 60_000;

let api: TestApi;
let chain: ChainFixture;
let admin: pg.Pool;
const running = new Set<WorkerProcess>();

/** The real process, from the build. */
class WorkerProcess {
  output = '';
  private readonly exited: Promise<unknown>;

  private constructor(
    readonly url: string,
    readonly child: ChildProcess,
  ) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString('utf8');
      });
    }
    this.exited = once(child, 'exit');
    running.add(this);
  }

  static async spawn(environment: Record<string, string | undefined> = {}): Promise<WorkerProcess> {
    const port = await freePort();
    const env = {
      PATH: process.env.PATH,
      FREEHOLD_DATA_DIR: api.settings.dataDir,
      FREEHOLD_WORKER_PORT: `${port}`,
      FREEHOLD_ANCHOR_INTERVAL_MS: '300',
      DATABASE_SYSTEM_URL: api.database.urls.freehold_system,
      CHAIN_URL: chain.chain.url,
      FREEHOLD_CHAIN_FINALITY: 'dev',
      ...environment,
    };
    const child = spawn(process.execPath, ['dist/apps/worker/src/main.js'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    return new WorkerProcess(`http://127.0.0.1:${port}`, child);
  }

  async ready(): Promise<this> {
    await until('the worker is ready', async () => (await this.ask('/readyz'))?.status === 200, DEADLINE_MS);
    return this;
  }

  ask(path: string): Promise<Response | null> {
    if (this.child.exitCode !== null) throw new Error(`the worker has ended: ${this.output.slice(-2000)}`);
    return fetch(this.url + path).catch(() => null);
  }

  async end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    running.delete(this);
    this.child.kill(signal);
    await this.exited;
    return this.child.exitCode ?? this.child.signalCode;
  }
}

beforeAll(async () => {
  [api, chain] = await Promise.all([startTestApi(), startChainFixture()]);
  await migrateQueue(api.database.urls.freehold_owner);
  admin = new pg.Pool({ connectionString: api.database.adminUrl, max: 4 });
});
afterEach(async () => {
  for (const worker of running) await worker.end('SIGKILL');
});
afterAll(async () => {
  await admin.end();
  await api.close();
  await chain.stop();
});

async function createdVpc(call: Caller): Promise<string> {
  const reply = await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
  expect(reply.status).toBe(201);
  return reply.body.id;
}

async function createdSubnet(call: Caller, vpcId: string, n: number): Promise<void> {
  const zone = api.settings.zones[0];
  const reply = await call('POST', '/v1/subnets', { vpcId, cidrBlock: `10.0.${n}.0/24`, zone });
  expect(reply.status).toBe(201);
}

const figures = async () =>
  (
    await admin.query(`
      SELECT (SELECT count(*) FROM outbox)::int AS hints,
             (SELECT count(*) FROM vpc WHERE realized_generation < generation)::int AS behind,
             (SELECT count(*) FROM ledger_pending)::int AS pending,
             (SELECT count(*) FROM ledger_entry)::int AS entries,
             (SELECT count(*) FROM ledger_leaf)::int AS leaves,
             (SELECT coalesce(max(leaf_index) + 1, 0) FROM ledger_leaf)::int AS size,
             (SELECT coalesce(max(size), 0) FROM anchor WHERE state = 'final')::int AS anchored`)
  ).rows[0];

/** Every change is in the data plane, in the log once, and in the chain. */
async function allIsDone(): Promise<void> {
  await until(
    'all is realised, in the log and anchored',
    async () => {
      const { hints, behind, pending, size, anchored } = await figures();
      return hints + behind + pending === 0 && anchored === size;
    },
    DEADLINE_MS,
  );
  const { entries, leaves, size } = await figures();
  expect({ leaves, size }).toEqual({ leaves: entries, size: entries });
}

describe('two workers on one database', () => {
  it('behave as one: each change is realised, sequenced once and anchored', async () => {
    const workers = await Promise.all([WorkerProcess.spawn(), WorkerProcess.spawn()]);
    await Promise.all(workers.map((worker) => worker.ready()));
    const { call } = await api.tenant();
    const vpcs = await Promise.all([1, 2, 3].map(() => createdVpc(call)));
    await Promise.all(vpcs.flatMap((id) => Array.from({ length: 8 }, (_, n) => createdSubnet(call, id, n))));
    await allIsDone();
    const metrics = await Promise.all(workers.map(async (worker) => (await worker.ask('/metrics'))?.text()));
    const leading = metrics.filter((text) => text?.includes('ledger_part_state{part="sequencer",state="leading"} 1'));
    expect(leading).toHaveLength(1);
    const codes = await Promise.all(workers.map((worker) => worker.end('SIGTERM')));
    expect(codes.every((code) => code === 0 || code === 'SIGTERM')).toBe(true);
    for (const { output } of workers) expect(output).not.toMatch(/"level":"(error|fatal)"/);
  });

  it('lose nothing while they are killed at random', async () => {
    const { call } = await api.tenant();
    const kills = 4;
    const waits = Array.from({ length: kills }, () => randomInt(50, 600));
    console.info(`seed: kills after ${waits.join(', ')} ms`);
    let alive = await Promise.all([WorkerProcess.spawn(), WorkerProcess.spawn()]);
    const vpcs = await Promise.all([1, 2].map(() => createdVpc(call)));
    let n = 0;
    for (const wait of waits) {
      await Promise.all(alive.map((worker) => worker.ready()));
      const until = Date.now() + wait;
      while (Date.now() < until) {
        await Promise.all(vpcs.map((id) => createdSubnet(call, id, n)));
        n += 1;
      }
      const [killed, survivor] = alive as [WorkerProcess, WorkerProcess];
      expect(await killed.end('SIGKILL')).toBe('SIGKILL');
      alive = [survivor, await WorkerProcess.spawn()];
    }
    await Promise.all(alive.map((worker) => worker.ready()));
    await allIsDone();
    for (const id of vpcs) {
      const plan = (await call('GET', `/v1/vpcs/${id}/plan`)).body;
      expect(plan.rows.filter((row: { table: string }) => row.table === 'Logical_Switch')).toHaveLength(n);
    }
  }, 180_000);
});

describe('a worker', () => {
  it('says what it checks, and goes on when the database was away', async () => {
    const worker = await (await WorkerProcess.spawn()).ready();
    const ready = (await (await worker.ask('/readyz'))?.json()) as { checks: Record<string, unknown> };
    expect(Object.keys(ready.checks).sort()).toEqual(['database', 'outbox-relay', 'queue', 'sequencer']);
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'freehold_system'`,
    );
    const { call } = await api.tenant();
    await createdVpc(call);
    await allIsDone();
    expect(worker.child.exitCode).toBeNull();
  });

  it.each([
    ['without a database', { DATABASE_SYSTEM_URL: undefined }, 'DATABASE_SYSTEM_URL is not set'],
    ['without a chain', { CHAIN_URL: undefined }, 'CHAIN_URL is not set'],
  ])('ends %s, with one line that says what to do', async (_name, environment, line) => {
    const worker = await WorkerProcess.spawn(environment);
    running.delete(worker);
    if (worker.child.exitCode === null) await once(worker.child, 'exit');
    expect(worker.child.exitCode).toBe(1);
    expect(worker.output).toContain(line);
  });
});
