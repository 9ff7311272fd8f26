import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '#config';
import { DataDirInUseError, DataDirLock } from './data-dir-lock.js';
import { freePort } from './free-port.js';
import { endOrphans, ManagedProcess, type ManagedProcessOptions } from './managed-process.js';
import { identify, isAlive, type ProcessIdentity, signal, until } from './process-identity.js';
import type { Service } from './service.js';
import { type ServiceStatus, Supervisor } from './supervisor.js';

/** A child as ours are: listens, answers /readyz, logs, and ends in order on SIGTERM, which it notes in a file. */
const CHILD = `
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
const { NAME, PORT, NOTES, FAIL, DEAF, SLOW_MS } = process.env;
if (FAIL) { console.error('no luck: ' + FAIL); process.exit(3); }
const readyAt = Date.now() + Number(SLOW_MS ?? 0);
const server = createServer((request, reply) => {
  reply.statusCode = Date.now() < readyAt ? 503 : 200;
  reply.end('{"status":"' + NAME + '"}');
});
server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(JSON.stringify({ level: 30, time: Date.now(), msg: 'listening' }));
  appendFileSync(NOTES, NAME + ' started\\n');
});
process.on('SIGTERM', () => {
  if (DEAF) return;
  appendFileSync(NOTES, NAME + ' ended\\n');
  process.exit(0);
});
`;

/** A supervisor in a process of its own, to be killed: starts one child and waits. */
const SUPERVISOR = `
const { DataDirLock, ManagedProcess, Supervisor } = await import(process.env.LIBRARY);
const { folder, child } = JSON.parse(process.env.PLAN);
DataDirLock.acquire(folder, folder + '/stack.lock');
const supervisor = new Supervisor({ log: () => undefined });
await supervisor.start(new ManagedProcess(child));
console.log(supervisor.status()[0].pid);
`;

describe('supervision', () => {
  let folder: string;
  let supervisor: Supervisor;
  let lines: string[];
  let history: ServiceStatus[][];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'freehold-supervisor-'));
    writeFileSync(join(folder, 'child.mjs'), CHILD);
    lines = [];
    history = [];
    supervisor = new Supervisor({ log: (line) => lines.push(line), onChange: (status) => history.push(status) });
  });

  afterEach(async () => {
    await supervisor.stop();
    await endOrphans(join(folder, 'run'), 500);
    rmSync(folder, { recursive: true, force: true });
  });

  async function options(name: string, env: Record<string, string> = {}): Promise<ManagedProcessOptions> {
    const port = await freePort();
    return {
      name,
      script: join(folder, 'child.mjs'),
      env: { PATH: process.env.PATH, NAME: name, PORT: `${port}`, NOTES: join(folder, 'notes'), ...env },
      readyUrl: `http://127.0.0.1:${port}/readyz`,
      runFolder: join(folder, 'run'),
      logFolder: join(folder, 'logs'),
    };
  }

  const child = async (name: string, env?: Record<string, string>) => new ManagedProcess(await options(name, env));
  const notes = () => readFileSync(join(folder, 'notes'), 'utf8').trim().split('\n');
  const pidOf = (name: string) => supervisor.status().find((status) => status.name === name)?.pid ?? 0;

  it('starts group after group, stops them in reverse, and leaves no trace of them', async () => {
    await supervisor.start(await child('one', { SLOW_MS: '300' }));
    await supervisor.start(await child('two'));
    expect(supervisor.status()).toMatchObject([
      { name: 'one', state: 'running', restarts: 0 },
      { name: 'two', state: 'running', restarts: 0 },
    ]);
    expect(readdirSync(join(folder, 'run')).sort()).toEqual(['one.json', 'two.json']);
    await supervisor.stop();
    expect(notes()).toEqual(['one started', 'two started', 'two ended', 'one ended']);
    expect(readdirSync(join(folder, 'run'))).toEqual([]);
    expect(readFileSync(join(folder, 'logs', 'one.log'), 'utf8')).toContain('"msg":"listening"');
    expect(lines).toEqual([]);
  });

  it('starts what died again, and says so', async () => {
    await supervisor.start(await child('one'));
    const first = pidOf('one');
    signal(first, 'SIGKILL');
    expect(await until(() => ![0, first].includes(pidOf('one')), 10_000)).toBe(true);
    expect(supervisor.status()).toMatchObject([{ state: 'running', restarts: 1 }]);
    expect(lines).toEqual(['one ended by SIGKILL; starting it again', 'one is up again']);
    expect(history.map(([status]) => status?.state)).toEqual(['running', 'restarting', 'running']);
  });

  it('waits longer and longer for what keeps dying, and still stops at once', async () => {
    let starts = 0;
    const mortal: Service = {
      name: 'mortal',
      start: async () => {
        starts += 1;
        if (starts > 1) throw new Error(`attempt ${starts} failed`);
        return { pid: null, died: Promise.resolve('fell over'), stop: async () => undefined };
      },
    };
    await supervisor.start(mortal);
    expect(await until(() => starts === 4, 5_000)).toBe(true);
    expect(lines.slice(0, 3)).toEqual([
      'mortal fell over; starting it again',
      'attempt 2 failed\nmortal: trying again in 400 ms',
      'attempt 3 failed\nmortal: trying again in 800 ms',
    ]);
    const before = Date.now();
    await supervisor.stop();
    expect(Date.now() - before).toBeLessThan(500);
    expect(supervisor.status()).toMatchObject([{ state: 'stopped', restarts: 1 }]);
  });

  it('fails the start when it does not come up the first time, and hands on what the child said', async () => {
    const said: string[] = [];
    const failing = { ...(await options('one', { FAIL: 'no table' })), onLine: (line: string) => said.push(line) };
    await expect(supervisor.start(new ManagedProcess(failing))).rejects.toThrow(
      `one did not start: it ended with exit code 3; its log is ${join(folder, 'logs', 'one.log')}`,
    );
    expect(said).toEqual(['no luck: no table']);
    expect(readFileSync(join(folder, 'logs', 'one.log'), 'utf8')).toBe('no luck: no table\n');
  });

  it('fails the start when the child lives and does not become ready', async () => {
    const never = new ManagedProcess({ ...(await options('one', { SLOW_MS: '60000' })), readyTimeoutMs: 400 });
    await expect(supervisor.start(never)).rejects.toThrow(
      /one did not start: it did not become ready in time \(503 {"status":"one"}\)/,
    );
    expect(readdirSync(join(folder, 'run'))).toEqual([]);
  });

  it('ends by force what does not listen', async () => {
    const deaf = new ManagedProcess({ ...(await options('deaf', { DEAF: '1' })), stopTimeoutMs: 300 });
    await supervisor.start(deaf);
    const identity = identify(pidOf('deaf')) as ProcessIdentity;
    await supervisor.stop();
    expect(isAlive(identity)).toBe(false);
    expect(notes()).toEqual(['deaf started']);
  });

  it('can be stopped while it starts', async () => {
    const starting = supervisor.start(await child('slow', { SLOW_MS: '60000' }));
    const outcome = starting.catch((error: Error) => error.message);
    expect(await until(() => existsSync(join(folder, 'run', 'slow.json')), 5_000)).toBe(true);
    await supervisor.stop();
    expect(await outcome).toBe('the supervisor is stopping');
    expect(readdirSync(join(folder, 'run'))).toEqual([]);
  });

  describe('killed with kill -9', () => {
    async function otherSupervisor(env: Record<string, string> = {}): Promise<{ process: ChildProcess; pid: number }> {
      const library = join(projectRoot(), 'dist/libs/embedded/src/index.js');
      const plan = JSON.stringify({ folder, child: await options('one', env) });
      const other = spawn(process.execPath, ['--input-type=module', '-e', SUPERVISOR], {
        env: { PATH: process.env.PATH, LIBRARY: library, PLAN: plan },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [output] = (await once(other.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
      return { process: other, pid: Number(output.toString()) };
    }

    it('takes its children with it, each by its own orderly shutdown', async () => {
      const other = await otherSupervisor();
      const orphan = identify(other.pid) as ProcessIdentity;
      other.process.kill('SIGKILL');
      expect(await until(() => !isAlive(orphan), 5_000)).toBe(true);
      expect(notes()).toEqual(['one started', 'one ended']);
    });

    it('is succeeded by one that ends what is left over and takes over the lock', async () => {
      const other = await otherSupervisor({ DEAF: '1' });
      const orphan = identify(other.pid) as ProcessIdentity;
      const lockFile = join(folder, 'stack.lock');
      expect(() => DataDirLock.acquire(folder, lockFile)).toThrow(DataDirInUseError);
      expect(() => DataDirLock.acquire(folder, lockFile)).toThrow(
        `is in use by process ${other.process.pid}: stop that one first`,
      );
      other.process.kill('SIGKILL');
      await once(other.process, 'exit');
      const lock = DataDirLock.acquire(folder, lockFile);
      expect(isAlive(orphan)).toBe(true);
      expect(await endOrphans(join(folder, 'run'), 200)).toEqual(['one']);
      expect(isAlive(orphan)).toBe(false);
      lock.release();
      expect(existsSync(lockFile)).toBe(false);
    });
  });

  it('does not end a process that has an old number by chance', async () => {
    mkdirSync(join(folder, 'run'));
    writeFileSync(join(folder, 'run', 'api.json'), JSON.stringify({ pid: process.pid, startedAt: 'another boot 1' }));
    writeFileSync(join(folder, 'run', 'torn.json'), '{"pid":');
    expect(await endOrphans(join(folder, 'run'))).toEqual([]);
    expect(readdirSync(join(folder, 'run'))).toEqual([]);
  });

  it('gives the lock to one of many who come at once, also over a dead holder', async () => {
    const lockFile = join(folder, 'stack.lock');
    writeFileSync(lockFile, JSON.stringify({ pid: 2 ** 22, startedAt: 'dead' }));
    const contender = `
      const { DataDirLock } = await import(process.argv[1]);
      try { DataDirLock.acquire(process.argv[2], process.argv[2] + '/stack.lock'); console.log('won'); } catch (error) { console.log(error.name); }
      process.stdin.resume();
    `;
    const library = join(projectRoot(), 'dist/libs/embedded/src/index.js');
    const others = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', contender, library, folder], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    );
    const said = await Promise.all(
      others.map(async (other) => ((await once(other.stdout, 'data')) as [Buffer])[0].toString().trim()),
    );
    expect(said.sort()).toEqual([...Array(5).fill('DataDirInUseError'), 'won']);
    for (const other of others) other.stdin.end();
    await Promise.all(others.map((other) => once(other, 'exit')));
  });
});
