import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '#config';
import { databaseUrls } from '#database';
import {
  EmbeddedPostgres,
  endProcess,
  findRunningStack,
  freePort,
  identify,
  isAlive,
  type ProcessIdentity,
  type StackState,
} from '#embedded';
import { until } from '../../../test/support/until.js';

const main = join(projectRoot(), 'dist/apps/stack/src/main.js');
/** A user without any rights on every Linux. */
const ORDINARY = { uid: 65534, gid: 65534 };
const READY_WITHIN_MS = 60_000;
/** Each test starts whole stacks, and the machine may be busy with other tests. */
const PATIENCE_MS = 4 * READY_WITHIN_MS;

/** One run of the stack, as a person starts it. */
class Run {
  output = '';
  readonly exit: Promise<number | null>;

  private constructor(
    readonly process: ChildProcess,
    readonly dataDir: string,
  ) {
    process.stdout?.on('data', (chunk: Buffer) => {
      this.output += chunk;
    });
    process.stderr?.on('data', (chunk: Buffer) => {
      this.output += chunk;
    });
    this.exit = once(process, 'exit').then(([code]) => code as number | null);
  }

  static start(dataDir: string, args: string[] = [], env: Record<string, string> = {}, as?: typeof ORDINARY): Run {
    const { DATABASE_URL: _given, ...inherited } = process.env;
    const child = spawn(process.execPath, [main, ...args], {
      ...as,
      cwd: '/',
      env: {
        ...inherited,
        FREEHOLD_DATA_DIR: dataDir,
        FREEHOLD_API_PORT: '0',
        FREEHOLD_DATA_PORT: '0',
        FREEHOLD_WORKER_PORT: '0',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new Run(child, dataDir);
  }

  /** Waits for the banner; what was printed instead is the error. */
  async ready(): Promise<StackState> {
    const ended = this.exit.then((code) => {
      throw new Error(`the stack ended with ${code}: ${this.output}`);
    });
    await Promise.race([until('the banner', () => this.output.includes('Freehold is up'), READY_WITHIN_MS), ended]);
    return this.state();
  }

  state(): StackState {
    const state = findRunningStack(this.dataDir);
    if (!state) throw new Error(`no stack runs on ${this.dataDir}: ${this.output}`);
    return state;
  }

  pidOf(name: string): number {
    return this.state().services.find((service) => service.name === name)?.pid ?? 0;
  }

  operatorKey(): string | undefined {
    return /export FREEHOLD_API_KEY=(fh_\S+)/.exec(this.output)?.[1];
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.process.kill(signal);
    return this.exit;
  }
}

function processesOf(state: StackState): ProcessIdentity[] {
  return state.services.map((service) => identify(service.pid ?? 0)).filter((identity) => identity !== null);
}

async function status(url: string, key: string): Promise<number> {
  const reply = await fetch(`${url}/v1/system/tenants`, { headers: { authorization: `Bearer ${key}` } }).catch(
    () => null,
  );
  await reply?.arrayBuffer();
  return reply?.status ?? 0;
}

async function createTenant(url: string, key: string, name: string): Promise<void> {
  const reply = await fetch(`${url}/v1/system/tenants`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      name,
      rootPublicKey: Buffer.alloc(32, 1).toString('base64'),
      viewKey: Buffer.alloc(32, 2).toString('base64'),
    }),
  });
  expect([reply.status, await reply.text()]).toEqual([201, expect.any(String)]);
}

async function tenantNames(url: string, key: string): Promise<string[]> {
  const reply = await fetch(`${url}/v1/system/tenants`, { headers: { authorization: `Bearer ${key}` } });
  const { items } = (await reply.json()) as { items: { name: string }[] };
  return items.map((tenant) => tenant.name);
}

describe('npm start', () => {
  let home: string;
  let dataDir: string;
  const runs: Run[] = [];
  const start = (args: string[] = [], env: Record<string, string> = {}, as?: typeof ORDINARY) => {
    const run = Run.start(dataDir, args, env, as);
    runs.push(run);
    return run;
  };

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'freehold-stack-'));
    chmodSync(home, 0o755);
    dataDir = join(home, 'data');
  });

  afterEach(async () => {
    for (const run of runs.splice(0)) {
      const identity = run.process.pid === undefined ? null : identify(run.process.pid);
      if (identity) await endProcess(identity, 'SIGTERM', 30_000);
    }
    for (const folder of ['data/postgres', 'outside']) await EmbeddedPostgres.destroy(join(home, folder));
    rmSync(home, { recursive: true, force: true });
  });

  it(
    'brings everything up from an empty folder, shows the key once, and stops clean',
    async () => {
      const first = start();
      const state = await first.ready();
      const key = first.operatorKey() as string;
      expect(state.services.map((service) => [service.name, service.state])).toEqual([
        ['postgres', 'running'],
        ['chain', 'running'],
        ['api', 'running'],
        ['worker', 'running'],
        ['data', 'running'],
      ]);
      expect(await status(state.apiUrl, key)).toBe(200);
      expect(await status(state.apiUrl, `${key}x`)).toBe(401);
      await createTenant(state.apiUrl, key, 'Kept Ltd');
      for (const secret of [
        'kek',
        'operator-key',
        'database-passwords.json',
        'stack.json',
        'postgres/superuser-password',
      ]) {
        expect([secret, statSync(join(dataDir, secret)).mode & 0o077]).toEqual([secret, 0]);
      }
      expect(readFileSync(join(dataDir, 'stack.json'), 'utf8')).not.toContain(key);
      const processes = processesOf(state);
      expect(processes).toHaveLength(5);
      expect(await first.stop('SIGINT')).toBe(0);
      expect(processes.filter(isAlive)).toEqual([]);
      expect(existsSync(join(dataDir, 'stack.json'))).toBe(false);

      const second = start();
      const again = await second.ready();
      expect(second.operatorKey()).toBeUndefined();
      expect(second.output).not.toContain(key);
      expect(await tenantNames(again.apiUrl, key)).toContain('Kept Ltd');
      for (const log of ['api', 'data', 'worker']) {
        expect(readFileSync(join(dataDir, 'logs', `${log}.log`), 'utf8')).not.toContain(key);
      }
    },
    PATIENCE_MS,
  );

  it(
    'refuses a second stack on the same folder, and leaves the first alone',
    async () => {
      const first = start();
      const state = await first.ready();
      const second = start();
      expect(await second.exit).toBe(1);
      expect(second.output).toContain(`${dataDir} is in use by process ${first.process.pid}: stop that one first`);
      expect(processesOf(state)).toHaveLength(5);
      expect(first.state().process).toEqual(state.process);
    },
    PATIENCE_MS,
  );

  it(
    'starts again whatever is killed, one after the other, and loses nothing',
    async () => {
      const run = start();
      const { apiUrl } = await run.ready();
      const key = run.operatorKey() as string;
      await createTenant(apiUrl, key, 'Before');
      for (const name of ['worker', 'data', 'api', 'chain', 'postgres']) {
        const killed = run.pidOf(name);
        process.kill(killed, 'SIGKILL');
        await until(`${name} is up again`, () => ![0, killed].includes(run.pidOf(name)), READY_WITHIN_MS);
        await until('the API answers', async () => (await status(apiUrl, key)) === 200, READY_WITHIN_MS);
      }
      expect(run.state().services.every((service) => service.state === 'running')).toBe(true);
      expect(run.state().services.map((service) => service.restarts >= 1)).toEqual(Array(5).fill(true));
      expect(await tenantNames(apiUrl, key)).toContain('Before');
      expect(await run.stop()).toBe(0);
    },
    PATIENCE_MS,
  );

  it.each([
    ['the supervisor', false],
    ['everything', true],
  ])(
    'goes on after kill -9 of %s',
    async (_what, all) => {
      const first = start();
      const state = await first.ready();
      const key = first.operatorKey() as string;
      await createTenant(state.apiUrl, key, 'Before');
      const processes = processesOf(state);
      process.kill(first.process.pid as number, 'SIGKILL');
      if (all) for (const { pid } of processes) process.kill(pid, 'SIGKILL');
      await first.exit;
      expect(findRunningStack(dataDir)).toBeNull();

      const second = start();
      const again = await second.ready();
      expect(await tenantNames(again.apiUrl, key)).toContain('Before');
      const kept = processes.filter(isAlive).map(({ pid }) => pid);
      const postgres = state.services[0]?.pid;
      expect(kept).toEqual(all ? [] : [postgres]);
      expect(await second.stop()).toBe(0);
      expect(processes.filter(isAlive)).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    'stops clean while it starts',
    async () => {
      const run = start();
      await until(
        'PostgreSQL is up',
        () => existsSync(join(dataDir, 'postgres', 'data', 'postmaster.pid')),
        READY_WITHIN_MS,
      );
      expect(await run.stop()).toBe(0);
      expect(existsSync(join(dataDir, 'postgres', 'data', 'postmaster.pid'))).toBe(false);
      const again = start();
      await again.ready();
      expect(again.operatorKey()).toMatch(/^fh_/);
    },
    PATIENCE_MS,
  );

  it(
    'runs several APIs and workers on one database',
    async () => {
      const port = await freePort();
      const run = start(['--api', '2', '--worker', '2'], { FREEHOLD_API_PORT: `${port}` });
      const state = await run.ready();
      expect(state.apiUrls).toEqual([`http://127.0.0.1:${port}`, `http://127.0.0.1:${port + 10}`]);
      expect(state.workerUrls).toHaveLength(2);
      const key = run.operatorKey() as string;
      await createTenant(state.apiUrls[0] as string, key, 'Here');
      expect(await tenantNames(state.apiUrls[1] as string, key)).toContain('Here');
      expect(state.services.map((service) => service.name)).toEqual(
        expect.arrayContaining(['api', 'api-2', 'worker', 'worker-2', 'data']),
      );
    },
    PATIENCE_MS,
  );

  it(
    'uses a database of the operator, given as an administrator or as the three logins',
    async () => {
      const outside = new EmbeddedPostgres({ folder: join(home, 'outside'), fsync: false });
      const server = await outside.start();
      const named = new URL(outside.adminUrl);
      const first = start([], { DATABASE_URL: named.href });
      const state = await first.ready();
      const key = first.operatorKey() as string;
      await createTenant(state.apiUrl, key, 'Outside');
      expect(state.services.map((service) => service.name)).not.toContain('postgres');
      expect(existsSync(join(dataDir, 'postgres'))).toBe(false);
      expect(await first.stop()).toBe(0);

      const passwords = JSON.parse(readFileSync(join(dataDir, 'database-passwords.json'), 'utf8'));
      const logins = databaseUrls(outside.adminUrl, 'freehold', passwords);
      const second = start([], {
        DATABASE_URL: logins.freehold_owner,
        DATABASE_API_URL: logins.freehold_api,
        DATABASE_SYSTEM_URL: logins.freehold_system,
      });
      const again = await second.ready();
      expect(await tenantNames(again.apiUrl, key)).toContain('Outside');
      expect(await second.stop()).toBe(0);

      const incomplete = start([], { DATABASE_SYSTEM_URL: logins.freehold_system });
      expect(await incomplete.exit).toBe(1);
      expect(incomplete.output).toContain('DATABASE_API_URL and DATABASE_SYSTEM_URL need DATABASE_URL beside them');
      expect(incomplete.output).not.toContain(passwords.freehold_system);
      await server.stop();
    },
    PATIENCE_MS,
  );

  it(
    'says which setting to change when a port is taken, before anything is started',
    async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
      const { port } = server.address() as { port: number };
      const run = start([], { FREEHOLD_DATA_PORT: `${port}` });
      expect(await run.exit).toBe(1);
      expect(run.output).toContain(`port ${port} of 127.0.0.1, where data is to listen`);
      expect(run.output).toContain('set FREEHOLD_DATA_PORT to another port');
      expect(existsSync(join(dataDir, 'postgres'))).toBe(false);
      server.close();
    },
    PATIENCE_MS,
  );

  it(
    'ends with one line for a wrong setting or option',
    async () => {
      const wrong = start([], { FREEHOLD_API_PROT: '1' });
      expect(await wrong.exit).toBe(2);
      expect(wrong.output.trim()).toBe(
        'FREEHOLD_API_PROT: is not a setting; did you mean FREEHOLD_API_PORT? docs/settings.md lists them all',
      );
      const option = start(['--api', 'many']);
      expect(await option.exit).toBe(2);
      expect(option.output).toContain('--api must be a whole number from 1 to 16, but is "many"');
    },
    PATIENCE_MS,
  );

  if (process.getuid?.() === 0 && (statSync(projectRoot()).mode & 0o005) === 0o005) {
    it(
      'runs as an ordinary user, who owns all that it leaves',
      async () => {
        mkdirSync(dataDir);
        chownSync(dataDir, ORDINARY.uid, ORDINARY.gid);
        const run = start([], { HOME: dataDir }, ORDINARY);
        const state = await run.ready();
        expect(await status(state.apiUrl, run.operatorKey() as string)).toBe(200);
        for (const { pid } of processesOf(state)) expect(statSync(`/proc/${pid}`).uid).toBe(ORDINARY.uid);
        expect(statSync(join(dataDir, 'postgres', 'data')).uid).toBe(ORDINARY.uid);
        expect(await run.stop()).toBe(0);
      },
      PATIENCE_MS,
    );
  } else {
    process.stdout.write('not tested here: the stack of another, ordinary user (needs root and an open checkout)\n');
  }
});
