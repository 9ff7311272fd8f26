import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { projectRoot } from '#database';
import { newId, SYSTEM_TENANT_ID, type TenantId } from '#kernel';
import { createTestDatabase, type TestDatabase } from '../../../test/support/embedded-database.js';
import { until } from '../../../test/support/until.js';
import { type CrashOrder, recordSigned, rotationOf } from './testing/crashing-process.js';
import { auditLog } from './testing/ledger-audit.js';
import { LedgerProcess } from './testing/ledger-process.js';

/**
 * A real process ends, or stops and wakes, between every two steps of taking the log over, sequencing, publishing and
 * changing the key. Whatever it leaves behind, the next one goes on with one history.
 */

const open: LedgerProcess[] = [];
const children: ChildProcess[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const one of open.splice(0)) await one.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

interface Scene {
  database: TestDatabase;
  folder: string;
  api: LedgerProcess;
  tenants: TenantId[];
  viewKeys: Map<string, Uint8Array>;
}

/** A log with a first checkpoint, and in its queue 40 entries of two tenants with a change of the log's key among them. */
async function scene(): Promise<Scene> {
  const database = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'freehold-crash-'));
  folders.push(folder);
  const tenants = [newId('tenant'), newId('tenant')];
  const viewKeys = new Map([SYSTEM_TENANT_ID, ...tenants].map((id, at) => [id as string, Buffer.alloc(32, at + 1)]));
  const before = await LedgerProcess.worker(database, folder);
  recordSigned(before, join(folder, 'signed'));
  for (const tenantId of [SYSTEM_TENANT_ID, ...tenants]) await before.openChain(tenantId, viewKeys.get(tenantId)!);
  await before.sequencer.tick();
  await before.module.close();
  const api = await LedgerProcess.api(database, folder);
  open.push(api);
  await leaseRunsOut(database);
  return { database, folder, api, tenants, viewKeys };
}

async function fillQueue({ api, tenants }: Scene): Promise<void> {
  await api.change(tenants[0]!, 15);
  await rotationOf(api);
  await api.change(tenants[1]!, 25);
}

async function leaseRunsOut({ adminUrl }: TestDatabase): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query("UPDATE ledger_head SET lease_until = now() - interval '1 second'");
  await admin.end();
}

function start({ database, folder }: Scene, order: Pick<CrashOrder, 'act' | 'failpoint' | 'signal'>) {
  const full: CrashOrder = {
    ...order,
    database,
    folder,
    firedFile: join(folder, 'fired'),
    signedFile: join(folder, 'signed'),
  };
  const script = join(projectRoot(), 'dist/libs/ledger/src/testing/crashing-process.js');
  const child = spawn(process.execPath, [script, JSON.stringify(full)], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let output = '';
  child.stdout!.on('data', (chunk) => {
    output += chunk;
  });
  const ended = new Promise<{ signal: string | null; output: string }>((resolve) => {
    child.once('close', (_code, signal) => resolve({ signal, output: output.trim() }));
  });
  return { child, ended };
}

const fired = ({ folder }: Scene) => {
  const file = join(folder, 'fired');
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
};

/** Everything that anybody signed: as it was signed, and what stands in the head file and in what is left of its drafts. */
async function everSigned({ folder }: Scene): Promise<string[]> {
  const signed = (await readFile(join(folder, 'signed'), 'utf8')).trim().split('\n');
  const notes = signed.map((line) => JSON.parse(line) as string);
  for (const name of (await readdir(folder)).filter((one) => one.startsWith('ledger-head.json'))) {
    const text = await readFile(join(folder, name), 'utf8');
    if (text.endsWith('\n')) notes.push(JSON.parse(text).checkpoint);
  }
  return notes;
}

/** The next process: takes the log over, takes in what waits and ten entries more. */
async function next(stage: Scene): Promise<LedgerProcess> {
  const worker = await LedgerProcess.worker(stage.database, stage.folder);
  open.push(worker);
  recordSigned(worker, join(stage.folder, 'signed'));
  await stage.api.change(stage.tenants[0]!, 10);
  await until('the queue is empty', async () => (await worker.sequencer.tick()) === 0);
  await worker.sequencer.tick();
  expect(worker.sequencer.status()).toEqual({ state: 'leading' });
  return worker;
}

/** Failpoints as they stand in the code, so that a new one cannot go untested. */
function failpointsOf(...files: string[]): string[] {
  const sources = files.map((file) => readFileSync(new URL(file, import.meta.url), 'utf8'));
  return sources.flatMap((source) => [...source.matchAll(/failpoint\('([^']+)'\)/g)].map(([, name]) => name!));
}

const SEQUENCING = failpointsOf(
  './app/take-over-log.service.ts',
  './app/sequence-entries.service.ts',
  './app/publish-head.service.ts',
  './infra/head-file.ts',
);
const ROTATING = failpointsOf('./app/rotate-log-key.service.ts');

describe('a sequencer that is killed', () => {
  it.each(SEQUENCING)('at "%s" leaves one history', async (failpoint) => {
    const stage = await scene();
    await fillQueue(stage);
    const { ended } = start(stage, { act: 'sequence', failpoint, signal: 'SIGKILL' });
    expect(await ended).toMatchObject({ signal: 'SIGKILL' });
    expect(fired(stage)).toBe(failpoint);
    await leaseRunsOut(stage.database);
    const worker = await next(stage);
    const size = await auditLog(stage.database.adminUrl, worker, stage.viewKeys, await everSigned(stage));
    expect(size).toBe(3 + 41 + 10);
  });
});

describe('a change of the key that is killed', () => {
  it.each(ROTATING)('at "%s" is whole or has not been', async (failpoint) => {
    const stage = await scene();
    const { ended } = start(stage, { act: 'rotate', failpoint, signal: 'SIGKILL' });
    expect(await ended).toMatchObject({ signal: 'SIGKILL' });
    expect(fired(stage)).toBe(failpoint);
    const worker = await next(stage);
    const rotations = failpoint === 'rotate: committed' ? 1 : 0;
    await auditLog(stage.database.adminUrl, worker, stage.viewKeys, await everSigned(stage));
    // Nothing is in the way of the next one.
    await rotationOf(stage.api);
    await worker.sequencer.tick();
    const size = await auditLog(stage.database.adminUrl, worker, stage.viewKeys, await everSigned(stage));
    expect(size).toBe(3 + 10 + rotations + 1);
  });
});

describe('a sequencer that is stopped and wakes when another one has gone on', () => {
  it.each([
    'sequence: fetched',
    'sequence: committed',
    'publish: signed',
    'publish: verified',
    'head file: written',
    'head file: synced',
    'publish: durable outside',
  ])('at "%s" writes nothing that counts', async (failpoint) => {
    const stage = await scene();
    await fillQueue(stage);
    const { child, ended } = start(stage, { act: 'sequence', failpoint, signal: 'SIGSTOP' });
    await until('it has stopped', () => fired(stage) === failpoint);
    await leaseRunsOut(stage.database);
    const worker = await next(stage);
    child.kill('SIGCONT');
    expect(await ended).toMatchObject({ signal: null, output: 'standby' });
    // It may have put its own head over the newer one in the file; the one that leads puts that right, with nothing new.
    await renewed(worker);
    const file = JSON.parse(await readFile(join(stage.folder, 'ledger-head.json'), 'utf8'));
    expect(file.checkpoint).toContain('\n54\n');
    await auditLog(stage.database.adminUrl, worker, stage.viewKeys, await everSigned(stage));
    await stage.api.change(stage.tenants[1]!, 1);
    await worker.sequencer.tick();
    const size = await auditLog(stage.database.adminUrl, worker, stage.viewKeys, await everSigned(stage));
    expect(size).toBe(3 + 41 + 10 + 1);
  });
});

/** Has the lease renewed without waiting for it to be due. */
async function renewed({ sequencer }: LedgerProcess): Promise<void> {
  (sequencer as unknown as { renewAt: number }).renewAt = 0;
  await sequencer.tick();
}
