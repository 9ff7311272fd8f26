import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from '#embedded';
import { parseCheckpoint, parseNote } from '#merkle';
import { nodeCrypto, verifyReceipt, witnessPolicy } from '#proof';
import { migrateQueue } from '#queue';
import { ForkingLog } from '../../apps/cli/src/testing/forking-log.js';
import { WitnessFolder } from '../../apps/cli/src/witness/witness-folder.js';
import { type ChainFixture, startChainFixture } from '../support/chain-fixture.js';
import { type Caller, startTestApi, type TestApi } from '../support/test-api.js';
import { until } from '../support/until.js';
import { WitnessProcess } from '../support/witness-process.js';

const DEADLINE_MS = 60_000;
const run = promisify(execFile);

/** The command itself, from the build. */
async function freehold(...args: string[]): Promise<Record<string, string>> {
  const { stdout } = await run(process.execPath, ['dist/apps/cli/src/main.js', ...args, '-o', 'json']);
  return JSON.parse(stdout);
}

describe('a witness that is killed', () => {
  const log = new ForkingLog('freehold/killed', 3, 24);
  const steps = [
    'signed',
    'head: draft opened',
    'head: draft written',
    'head: draft synced',
    'head: renamed',
    'head: folder synced',
    'mark: draft opened',
    'mark: draft written',
    'mark: draft synced',
    'mark: renamed',
    'mark: folder synced',
    'stored',
  ];
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'freehold-witness-'));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  const post = (url: string, body: string) =>
    fetch(`${url}/add-checkpoint`, { method: 'POST', body, signal: AbortSignal.timeout(20_000) });

  it('at any step between asking and answering never signs a second history', async () => {
    const folder = join(root, 'w');
    await freehold('witness', 'init', '--name', 'witness.example/w', '--folder', folder);
    await freehold('witness', 'add-log', '--folder', folder, '--vkey', log.vkey);
    const opened = await WitnessFolder.open(folder);
    let size = 0;
    for (const step of steps) {
      const dying = await WitnessProcess.dyingAt(folder, step);
      await expect(post(dying.url, await log.request('x', size, size + 1))).rejects.toThrow('fetch failed');
      expect([step, await dying.ended()]).toEqual([step, 'SIGKILL']);
      const [stored] = await opened.heads();
      expect([size, size + 1]).toContain(stored!.size);
      const again = await WitnessProcess.serve(folder);
      if (stored!.size > 3) {
        const other = await post(again.url, await log.request('y', stored!.size, stored!.size));
        expect([step, other.status]).toEqual([step, 409]);
      }
      const next = size + 2;
      expect((await post(again.url, await log.request('x', stored!.size, next))).status).toBe(200);
      expect(await again.end('SIGTERM')).toBe(0);
      size = next;
    }
    expect(size).toBe(24);
  }, 180_000);

  it('keeps its folder to itself, and gives it up with its life', async () => {
    const folder = join(root, 'w');
    const first = await WitnessProcess.serve(folder);
    await expect(freehold('witness', 'serve', '--folder', folder, '--port', '0')).rejects.toThrow(
      /serves this witness already/,
    );
    await first.end('SIGKILL');
    const second = await WitnessProcess.serve(folder);
    expect(await second.end('SIGINT')).toBe(0);
  });
});

describe('a deployment with three witnesses', () => {
  let root: string;
  let api: TestApi;
  let chain: ChainFixture;
  let admin: pg.Pool;
  let worker: ChildProcess | null = null;
  let logVkey: string;
  const witnesses: { folder: string; vkey: string; port: number; process: WitnessProcess | null }[] = [];

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'freehold-witnesses-'));
    [api, chain] = await Promise.all([startTestApi(), startChainFixture()]);
    await migrateQueue(api.database.urls.freehold_owner);
    admin = new pg.Pool({ connectionString: api.database.adminUrl, max: 2 });
    logVkey = (await api.caller(null)('GET', '/v1/log')).body.vkey;
    for (const name of ['w1', 'w2', 'w3']) {
      const folder = join(root, name);
      const { vkey } = await freehold('witness', 'init', '--name', `witness.example/${name}`, '--folder', folder);
      await freehold('witness', 'add-log', '--folder', folder, '--vkey', logVkey);
      const process = await WitnessProcess.serve(folder);
      witnesses.push({ folder, vkey: vkey!, port: process.port, process });
    }
  }, 120_000);
  afterEach(endWorker);
  afterAll(async () => {
    for (const { process } of witnesses) await process?.end('SIGKILL');
    await admin.end();
    await api.close();
    await chain.stop();
    rmSync(root, { recursive: true, force: true });
  });

  const policy = () =>
    witnessPolicy(
      nodeCrypto,
      witnesses.map(({ vkey }) => vkey),
      2,
    );

  async function startWorker(environment: Record<string, string> = {}): Promise<void> {
    const port = await freePort();
    const addresses = witnesses.map(({ vkey, port: at }) => `${vkey} http://127.0.0.1:${at}`);
    const env = {
      PATH: process.env.PATH,
      FREEHOLD_DATA_DIR: api.settings.dataDir,
      FREEHOLD_WORKER_PORT: `${port}`,
      FREEHOLD_ANCHOR_INTERVAL_MS: '600000',
      FREEHOLD_LOG_LEVEL: 'error',
      DATABASE_SYSTEM_URL: api.database.urls.freehold_system,
      CHAIN_URL: chain.chain.url,
      FREEHOLD_CHAIN_FINALITY: 'dev',
      FREEHOLD_WITNESSES: addresses.join(','),
      FREEHOLD_WITNESS_THRESHOLD: '2',
      ...environment,
    };
    const child = spawn(process.execPath, ['dist/apps/worker/src/main.js'], {
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    worker = child;
    const ready = () =>
      fetch(`http://127.0.0.1:${port}/readyz`).then(
        ({ status }) => status === 200,
        () => false,
      );
    await until('the worker is ready', ready, DEADLINE_MS);
  }

  async function endWorker(): Promise<void> {
    const child = worker;
    worker = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  const stop = async (at: number, signal: NodeJS.Signals = 'SIGKILL') => {
    await witnesses[at]!.process?.end(signal);
    witnesses[at]!.process = null;
  };
  const restart = async (at: number) => {
    witnesses[at]!.process ??= await WitnessProcess.serve(witnesses[at]!.folder, witnesses[at]!.port);
  };
  const number = async (sql: string) => Number((await admin.query(`SELECT (${sql})::text AS n`)).rows[0].n);
  const published = () => number('SELECT coalesce(max(size), 0) FROM ledger_checkpoint');
  const witnessed = () => number('SELECT coalesce(max(size), 0) FROM ledger_witnessed');
  const size = () => number('SELECT size FROM ledger_head');
  const entries = () => number('SELECT count(*) FROM ledger_entry');
  const allIs = async (stage: () => Promise<number>) => {
    const [all, there] = await Promise.all([entries(), stage()]);
    return all === there;
  };

  async function createdVpc(call: Caller): Promise<{ ledgerEntryId: string; promise: string }> {
    const reply = await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
    expect(reply.status).toBe(201);
    return reply.body;
  }

  /** `freehold watch`, until it has seen the promise kept and is told to end. */
  async function watchedLive(apiKey: string, promise: string) {
    const promises = join(root, 'one-promise');
    writeFileSync(promises, promise);
    const config = join(root, 'live/config.json');
    const env = { FREEHOLD_URL: api.url, FREEHOLD_API_KEY: apiKey, FREEHOLD_CONFIG: config };
    const watch = ['dist/apps/cli/src/main.js', 'watch', '--interval', '1', '--promises', promises, '-o', 'json'];
    const child = spawn(process.execPath, [...watch, '--vkey', logVkey], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    await until(
      'the promise is seen to be kept',
      () => out.includes('"kind":"kept"') || child.exitCode !== null,
      DEADLINE_MS,
    );
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
    return { code: child.exitCode, kept: out.includes('"kind":"kept"') };
  }

  const receiptOf = (call: Caller, id: string) => call('GET', `/v1/ledger/entries/${id}/receipt`);

  async function verified(call: Caller, id: string) {
    const { status, body } = await receiptOf(call, id);
    expect(status).toBe(200);
    const bytes = Buffer.from(JSON.stringify(body));
    return verifyReceipt(bytes, { crypto: nodeCrypto, log: logVkey, witnesses: policy() });
  }

  it('gives receipts that two of the three have cosigned, with one of them down', async () => {
    await stop(2);
    await startWorker();
    const { call, apiKey } = await api.tenant();
    const { ledgerEntryId, promise } = await createdVpc(call);
    await until('it is witnessed', () => allIs(witnessed), DEADLINE_MS);
    const report = await verified(call, ledgerEntryId);
    expect(report).toMatchObject({ ok: true, pinned: true, witnesses: 2 });
    const open = await api.caller(null)('GET', '/v1/log/witnesses');
    expect(open.body).toMatchObject({ threshold: 2, required: false, witnessedSize: await size() });
    expect(Object.keys(open.body.witnesses[0])).toEqual(['name', 'vkey', 'cosignedSize', 'cosignedAt']);
    const states = async () =>
      (await api.operator('GET', '/v1/system/witnesses')).body.witnesses.map(({ state }: { state: string }) => state);
    const expected = ['ok', 'ok', 'unreachable'].join();
    await until('the one that is down is known', async () => (await states()).join() === expected, DEADLINE_MS);
    expect((await call('GET', '/v1/system/witnesses')).status).toBe(403);
    await restart(2);
    await until('it catches up', async () => (await states()).every((state: string) => state === 'ok'), DEADLINE_MS);
    expect(await watchedLive(apiKey, promise)).toEqual({ code: 0, kept: true });
    const note = (await api.caller(null)('GET', '/v1/log/checkpoint/witnessed')).body as string;
    expect(parseCheckpoint(parseNote(note).text).size).toBe(await size());
  }, 120_000);

  it('publishes nothing without them where they are required; writes go on, and all is made up for', async () => {
    for (const at of [0, 1, 2]) await stop(at);
    const before = await published();
    await startWorker({ FREEHOLD_WITNESS_REQUIRED: 'true' });
    const { call, apiKey } = await api.tenant();
    const made = [];
    for (let at = 0; at < 4; at++) made.push(await createdVpc(call));
    await until('they are in the tree', () => allIs(size), DEADLINE_MS);
    expect(await published()).toBe(before);
    expect(await receiptOf(call, made[0]!.ledgerEntryId)).toMatchObject({
      status: 409,
      body: { code: 'ReceiptNotReady' },
    });
    await restart(0);
    // A worker that dies while one of two has signed must go on where it was, and not sign another head of that size.
    await until(
      'one has signed',
      async () => (await (await WitnessFolder.open(witnesses[0]!.folder)).heads())[0]!.size > before,
      DEADLINE_MS,
    );
    await endWorker();
    await createdVpc(call);
    await restart(1);
    await startWorker({ FREEHOLD_WITNESS_REQUIRED: 'true' });
    await until('all is published', () => allIs(published), DEADLINE_MS);
    expect(
      await number(
        'SELECT count(*) FROM ledger_checkpoint c WHERE size > ' +
          before +
          ' AND NOT EXISTS (SELECT FROM ledger_witnessed w WHERE w.size = c.size)',
      ),
    ).toBe(0);
    for (const { ledgerEntryId } of made) {
      expect(await verified(call, ledgerEntryId)).toMatchObject({ ok: true, witnesses: 2 });
    }
    const promises = join(root, 'promises');
    writeFileSync(promises, made.map((reply) => `${JSON.stringify(reply)}\n`).join(''));
    const env = { FREEHOLD_URL: api.url, FREEHOLD_API_KEY: apiKey, FREEHOLD_CONFIG: join(root, 'config/config.json') };
    const watch = ['dist/apps/cli/src/main.js', 'watch', '--once', '--promises', promises, '-o', 'json'];
    const { stdout } = await run(process.execPath, [...watch, '--vkey', logVkey], { env });
    expect(stdout.match(/"kind":"kept"/g)).toHaveLength(4);
  }, 180_000);

  it('goes on with a new key of the log once the witnesses know it', async () => {
    for (const at of [0, 1, 2]) await restart(at);
    await startWorker({ FREEHOLD_WITNESS_REQUIRED: 'true' });
    const { call } = await api.tenant();
    await createdVpc(call);
    await until('all is published', () => allIs(published), DEADLINE_MS);
    const rotated = await api.operator('POST', '/v1/system/log/keys');
    expect(rotated.status).toBe(201);
    await createdVpc(call);
    const refusing = async () =>
      (await api.operator('GET', '/v1/system/witnesses')).body.witnesses.filter(
        ({ state }: { state: string }) => state === 'refusing',
      ).length;
    await until('they do not know the new key', async () => (await refusing()) >= 2, DEADLINE_MS);
    for (const { folder } of witnesses)
      await freehold('witness', 'add-log', '--folder', folder, '--vkey', rotated.body.vkey);
    await until('all is published', () => allIs(published), DEADLINE_MS);
    const { ledgerEntryId } = await createdVpc(call);
    await until('all is published', () => allIs(published), DEADLINE_MS);
    // The third may have signed by now as well; that two have is what the policy asks for.
    expect(await verified(call, ledgerEntryId)).toMatchObject({ ok: true, pinned: true });
  }, 180_000);
});
