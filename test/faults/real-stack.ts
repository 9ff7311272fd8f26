import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '#config';
import {
  EmbeddedPostgres,
  endOrphans,
  endProcess,
  findRunningStack,
  freePort,
  identify,
  isAlive,
  isPortFree,
  type ProcessIdentity,
  type StackState,
} from '#embedded';
import { until } from '../support/until.js';

export interface RealStackOptions {
  /** Is made; holds everything. */
  folder: string;
  apis: number;
  workers: number;
  environment?: Record<string, string>;
}

const UP_WITHIN_MS = 180_000;
const PROBE_MS = 3_000;
/** From one process of a kind to the next (apps/stack). */
const PORT_STEP = 10;

/**
 * The whole stack as `npm start` runs it, in processes of its own, to be killed in part or whole. Its ports stay the same
 * over restarts, so that its callers find it again.
 */
export class RealStack {
  readonly dataDir: string;
  readonly apiUrls: string[];
  readonly workerUrls: string[];
  private supervisor: ChildProcess | null = null;
  private exit: Promise<unknown> = Promise.resolve();
  private said = '';

  private constructor(
    private readonly options: RealStackOptions,
    private readonly ports: { api: number; data: number; worker: number },
  ) {
    this.dataDir = join(options.folder, 'data');
    this.apiUrls = seriesOf(ports.api, options.apis).map(localUrl);
    this.workerUrls = seriesOf(ports.worker, options.workers).map(localUrl);
  }

  static async prepare(options: RealStackOptions): Promise<RealStack> {
    mkdirSync(options.folder, { recursive: true });
    // PostgreSQL runs as another account when we are root.
    chmodSync(options.folder, 0o711);
    const api = await freeSeries(options.apis, []);
    const worker = await freeSeries(options.workers, seriesOf(api, options.apis));
    const taken = [...seriesOf(api, options.apis), ...seriesOf(worker, options.workers)];
    return new RealStack(options, { api, worker, data: await freeSeries(1, taken) });
  }

  /** Starts the supervisor and resolves when it says that all is up. @throws with what it said when it ends before */
  async start(withinMs = UP_WITHIN_MS): Promise<void> {
    this.launch();
    const child = this.supervisor;
    const from = this.said.length;
    await until('the stack is up', () => this.said.includes('Freehold is up', from) || hasEnded(child), withinMs);
    if (!this.said.includes('Freehold is up', from)) throw new Error(`the stack ended:\n${this.said.slice(from)}`);
  }

  /** Starts the supervisor and waits for nothing. */
  private launch(): void {
    const { apis, workers, environment } = this.options;
    const { DATABASE_URL: _given, CHAIN_URL: _chain, ...inherited } = process.env;
    const main = join(projectRoot(), 'dist/apps/stack/src/main.js');
    const child = spawn(process.execPath, [main, '--api', `${apis}`, '--worker', `${workers}`], {
      cwd: '/',
      env: {
        ...inherited,
        FREEHOLD_DATA_DIR: this.dataDir,
        FREEHOLD_API_PORT: `${this.ports.api}`,
        FREEHOLD_DATA_PORT: `${this.ports.data}`,
        FREEHOLD_WORKER_PORT: `${this.ports.worker}`,
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = createWriteStream(join(this.options.folder, 'stack.log'), { flags: 'a' });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.said = (this.said + chunk).slice(-200_000);
        log.write(chunk);
      });
    }
    this.supervisor = child;
    this.exit = once(child, 'close').then(() => log.end());
  }

  /** What the supervisor printed of late. */
  get output(): string {
    return this.said;
  }

  get operatorKey(): string {
    return readFileSync(join(this.dataDir, 'operator-key'), 'utf8').trim();
  }

  get operatorViewKey(): Buffer {
    return Buffer.from(readFileSync(join(this.dataDir, 'operator-view-key'), 'utf8').trim(), 'base64');
  }

  /** Null while no supervisor is alive. */
  state(): StackState | null {
    return findRunningStack(this.dataDir);
  }

  /** The living process of that name, as the supervisor knows it; null while it is down. */
  processOf(name: string): ProcessIdentity | null {
    const pid = this.state()?.services.find((service) => service.name === name)?.pid;
    return pid ? identify(pid) : null;
  }

  /** Names of the services of a kind: `api` gives `api`, `api-2`, ... */
  namesOf(kind: string): string[] {
    return (this.state()?.services ?? []).map(({ name }) => name).filter((name) => name.replace(/-\d+$/, '') === kind);
  }

  /** The supervisor and all its services. */
  everyProcess(): ProcessIdentity[] {
    const state = this.state();
    const services = (state?.services ?? []).map(({ pid }) => identify(pid ?? 0));
    return [...(state ? [state.process] : []), ...services.filter((one) => one !== null)];
  }

  /** The workers whose sequencer leads at this moment; one that does not answer leads nothing that we know of. */
  async leaders(): Promise<string[]> {
    const found = await Promise.all(
      this.workerUrls.map(async (url, at) => {
        const text = await textOf(`${url}/metrics`);
        const leads = /^ledger_part_state\{[^}]*part="sequencer"[^}]*state="leading"[^}]*\} 1$/m.test(text ?? '');
        return leads ? [at === 0 ? 'worker' : `worker-${at + 1}`] : [];
      }),
    );
    return found.flat();
  }

  /** Whether every process runs and is ready, and the log has its one writer. */
  async isWhole(): Promise<boolean> {
    const state = this.state();
    if (!state?.services.length || state.services.some((service) => service.state !== 'running')) return false;
    const urls = [...state.apiUrls, ...state.workerUrls, state.dataUrl];
    const answers = await Promise.all(urls.map((url) => textOf(`${url}/readyz`)));
    return answers.every((text) => text !== null) && (await this.leaders()).length === 1;
  }

  async untilWhole(withinMs = UP_WITHIN_MS): Promise<void> {
    await until('every process is ready and one worker leads', () => this.isWhole(), withinMs).catch(async (error) => {
      const services = (this.state()?.services ?? []).map(({ name, state }) => `${name} ${state}`).join(', ');
      const leaders = (await this.leaders()).join(', ') || 'nobody';
      throw new Error(
        `${error.message} (${services || 'no supervisor'}; leading: ${leaders})\n${this.said.slice(-4000)}`,
      );
    });
  }

  /** Asks for an orderly end. Returns the supervisor's exit code. */
  async stop(): Promise<number | null> {
    if (!this.supervisor) return null;
    this.supervisor.kill('SIGTERM');
    await this.exit;
    return this.supervisor.exitCode;
  }

  /** To be awaited after the supervisor was killed. */
  async supervisorGone(): Promise<void> {
    await this.exit;
  }

  /** Where the embedded PostgreSQL keeps all of its own. */
  get postgresFolder(): string {
    return join(this.dataDir, 'postgres');
  }

  /** The login of freehold_system on the running database. */
  systemUrl(): string {
    const { freehold_system: password } = JSON.parse(
      readFileSync(join(this.dataDir, 'database-passwords.json'), 'utf8'),
    );
    const port = readFileSync(join(this.postgresFolder, 'data/postmaster.pid'), 'utf8').split('\n')[3];
    return `postgresql://freehold_system:${password}@127.0.0.1:${port}/freehold`;
  }

  /** Ends everything, whatever its state, and removes the folder; all but the logs, when they are to be looked into. */
  async destroy({ keepLogs = false } = {}): Promise<void> {
    const child = this.supervisor;
    const identity = child && !hasEnded(child) && child.pid !== undefined ? identify(child.pid) : null;
    if (identity && isAlive(identity)) await endProcess(identity, 'SIGTERM', 60_000);
    const run = join(this.dataDir, 'run');
    if (existsSync(run)) await endOrphans(run);
    await EmbeddedPostgres.destroy(this.postgresFolder);
    const kept = keepLogs ? ['data', 'stack.log'] : [];
    for (const name of readdirSync(this.options.folder)) {
      if (!kept.includes(name)) rmSync(join(this.options.folder, name), { recursive: true, force: true });
    }
    if (!keepLogs) rmSync(this.options.folder, { recursive: true, force: true });
  }
}

function hasEnded(child: ChildProcess | null): boolean {
  return child === null || child.exitCode !== null || child.signalCode !== null;
}

function localUrl(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function seriesOf(first: number, count: number): number[] {
  return Array.from({ length: count }, (_none, at) => first + at * PORT_STEP);
}

/** The first port of a series that is free, whole. */
async function freeSeries(count: number, taken: readonly number[]): Promise<number> {
  for (;;) {
    const first = await freePort();
    const series = seriesOf(first, count);
    const free = await Promise.all(series.map((port) => (port > 65_535 ? false : isPortFree(port, '127.0.0.1'))));
    if (free.every(Boolean) && series.every((port) => !taken.includes(port))) return first;
  }
}

/** The body of a 200, or null. */
async function textOf(url: string): Promise<string | null> {
  try {
    const reply = await fetch(url, { signal: AbortSignal.timeout(PROBE_MS) });
    const text = await reply.text();
    return reply.ok ? text : null;
  } catch {
    return null;
  }
}
