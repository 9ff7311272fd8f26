import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DevChain } from '#chain';
import { loadSettings } from '#config';
import { DATABASE_ROLES, type DatabaseUrls, migrate, prepareDatabase, projectRoot } from '#database';
import { EmbeddedPostgres, freePort, type RunningService } from '#embedded';
import { migrateQueue } from '#queue';
import { createLogger } from '#telemetry';
import { bootstrapOperator } from '../../apps/api/src/bootstrap-operator.js';

/** A durable PostgreSQL (fsync on) and processes of ours over it, in a folder that goes when it is closed. */
export interface BenchStack {
  urls: DatabaseUrls;
  apiUrl: string;
  operatorKey: string;
  /** Starts a worker process, with a development chain for it and further settings. */
  startWorker(extra?: Record<string, string>): Promise<ChildProcess>;
  /** Starts a data process. */
  startData(): Promise<ChildProcess>;
  api: ChildProcess;
  /** Holds everything; also the processes' data folder. */
  folder: string;
  close(): Promise<void>;
}

export async function startBenchStack(): Promise<BenchStack> {
  const folder = mkdtempSync(join(tmpdir(), 'freehold-bench-'));
  chmodSync(folder, 0o711);
  const postgres = new EmbeddedPostgres({ folder: join(folder, 'postgres') });
  const children: ChildProcess[] = [];
  const services: RunningService[] = [];
  const close = async () => {
    await Promise.all(children.map(end));
    for (const service of services) await service.stop();
    await EmbeddedPostgres.destroy(join(folder, 'postgres'));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await postgres.start();
    const passwords = Object.fromEntries(DATABASE_ROLES.map((role) => [role, `bench-${role}`])) as Record<
      (typeof DATABASE_ROLES)[number],
      string
    >;
    const urls = await prepareDatabase({ adminUrl: postgres.adminUrl, database: 'freehold', passwords });
    await migrate(urls.freehold_owner);
    const [apiPort, dataPort, workerPort] = [await freePort(), await freePort(), await freePort()];
    const environment = {
      FREEHOLD_DATA_DIR: folder,
      FREEHOLD_API_PORT: String(apiPort),
      FREEHOLD_DATA_PORT: String(dataPort),
      FREEHOLD_WORKER_PORT: String(workerPort),
      FREEHOLD_LOG_LEVEL: 'warn',
      DATABASE_API_URL: urls.freehold_api,
      DATABASE_SYSTEM_URL: urls.freehold_system,
    };
    const logger = createLogger({ process: 'bench', level: 'warn' });
    const credentials = await bootstrapOperator(loadSettings(environment), urls.freehold_system, logger);
    if (credentials === null) throw new Error('the operator was there already in an empty database');
    const start = async (entry: string, readyPort: number, extra: Record<string, string> = {}) => {
      const child = spawn(process.execPath, [join(projectRoot(), 'dist', entry)], {
        env: { ...process.env, ...environment, ...extra },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      children.push(child);
      await ready(`http://127.0.0.1:${readyPort}/readyz`, child);
      return child;
    };
    const startWorker = async (extra: Record<string, string> = {}) => {
      const chain = new DevChain({ folder: join(folder, 'chain') });
      services.push(await chain.start());
      await migrateQueue(urls.freehold_owner);
      const chainSettings = { CHAIN_URL: chain.url, FREEHOLD_CHAIN_FINALITY: 'dev' };
      return start('apps/worker/src/main.js', workerPort, { ...chainSettings, ...extra });
    };
    const api = await start('apps/api/src/main.js', apiPort);
    const startData = () => start('apps/data/src/main.js', dataPort);
    const apiUrl = `http://127.0.0.1:${apiPort}`;
    return { urls, apiUrl, operatorKey: credentials.apiKey, api, startWorker, startData, folder, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`a process ended with ${child.exitCode} before it was ready`);
    const reply = await fetch(url).catch(() => null);
    if (reply?.ok) return;
    if (Date.now() > deadline) throw new Error(`${url} was not ready within 30 s`);
    await delay(50);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await Promise.race([ended, delay(10_000)]);
  child.kill('SIGKILL');
}
