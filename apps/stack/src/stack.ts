import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DevChain } from '#chain';
import { projectRoot, type Settings } from '#config';
import {
  DataDirLock,
  EmbeddedPostgres,
  endOrphans,
  identify,
  ManagedProcess,
  type ProcessIdentity,
  removeStackState,
  runScript,
  type ServiceStatus,
  type StackState,
  Supervisor,
  writePrivateFile,
  writeStackState,
} from '#embedded';
import { childEnvironments, publicUrls } from './child-environment.js';
import { prepareLogins } from './database-logins.js';
import { assignListeners, type Listener, type Listeners } from './listeners.js';
import type { StackConsole } from './stack-console.js';
import type { StackOptions } from './stack-options.js';

/** What the banner shows, once all is up. */
export interface StackReport {
  state: StackState;
  /** Shown once, on the first start of a deployment; null ever after. */
  operatorApiKey: string | null;
  operatorKeyFile: string;
  /** Host and port of the embedded PostgreSQL, or null with one of the operator's own. */
  databaseAddress: string | null;
  seconds: number;
}

/**
 * Everything that Freehold needs on one machine: PostgreSQL and a development chain unless others are named, the database
 * brought up to date, and the processes of Freehold. What was killed is started again; what an earlier, killed stack left is
 * ended or taken over. PostgreSQL is stopped last, so that all others can finish their writing.
 */
export class Stack {
  private readonly supervisor: Supervisor;
  private readonly abort = new AbortController();
  private lock: DataDirLock | null = null;
  private state: StackState | null = null;
  private stopping: Promise<void> | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly options: StackOptions,
    private readonly console: StackConsole,
  ) {
    this.supervisor = new Supervisor({
      log: (line) => console.say(line),
      onChange: (services) => this.publish(services),
    });
  }

  /** Resolves when every process is ready. When it rejects, call `stop` to end what is up. */
  async start(): Promise<StackReport> {
    const begin = performance.now();
    const { settings, options } = this;
    makeDataDir(settings.dataDir);
    this.lock = DataDirLock.acquire(settings.dataDir, join(settings.dataDir, 'stack.lock'));
    removeStackState(settings.dataDir);
    const orphans = await endOrphans(this.runFolder());
    if (orphans.length > 0) this.console.say(`ended what an earlier stack left: ${orphans.join(', ')}`);
    const listeners = await assignListeners(settings, options.apiCount, options.workerCount);
    const { postgres, chain } = await this.startServers();
    const logins = await prepareLogins(settings, postgres?.adminUrl ?? null, this.abort.signal);
    const around = { settings, listeners, logins, devChainUrl: chain?.url };
    const environments = childEnvironments(around);
    const operatorApiKey = await this.bootstrap(environments.bootstrap);
    await this.supervisor.start(
      ...listeners.api.map((listener) => this.process('api', listener, environments.api(listener))),
      // A worker whose sequencer has halted is never ready, and all else goes on: the operator has to see what is there.
      ...listeners.worker.map((listener) =>
        this.process('worker', listener, environments.worker(listener), `${listener.url}/healthz`),
      ),
      this.process('data', listeners.data, environments.data()),
    );
    this.state = stateOf(listeners, publicUrls(around), chain?.url ?? null);
    this.publish(this.supervisor.status());
    return {
      state: this.state,
      operatorApiKey,
      operatorKeyFile: this.operatorKeyFile(),
      databaseAddress: postgres ? new URL(postgres.adminUrl).host : null,
      seconds: (performance.now() - begin) / 1000,
    };
  }

  /** Ends all in order. Safe to call twice, and while a start is under way. */
  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  private async end(): Promise<void> {
    this.abort.abort(new Error('the stack is stopping'));
    try {
      await this.supervisor.stop();
    } finally {
      this.state = null;
      if (this.lock) removeStackState(this.settings.dataDir);
      this.lock?.release();
    }
  }

  /** The servers that are not Freehold: each in a group of its own, so that PostgreSQL, the first, is the last to end. */
  private async startServers(): Promise<{ postgres: EmbeddedPostgres | null; chain: DevChain | null }> {
    const { databaseApiUrl, databaseSystemUrl, databaseUrl, dataDir, chainUrl } = this.settings;
    const log = (line: string) => this.console.say(line);
    const outsideDatabase = databaseUrl !== undefined;
    if (!outsideDatabase && (databaseApiUrl !== undefined || databaseSystemUrl !== undefined)) {
      throw new Error(
        'DATABASE_API_URL and DATABASE_SYSTEM_URL need DATABASE_URL beside them, for the migrations: set it too',
      );
    }
    const postgres = outsideDatabase ? null : new EmbeddedPostgres({ folder: join(dataDir, 'postgres'), log });
    const chain = chainUrl === undefined ? new DevChain({ folder: join(dataDir, 'chain'), log }) : null;
    const servers = [postgres, chain].filter((server) => server !== null);
    const outcomes = await Promise.allSettled(servers.map((server) => this.supervisor.start(server)));
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure) throw failure.reason;
    return { postgres, chain };
  }

  /** Makes the service's keys and, once in a deployment's life, the operator. */
  private async bootstrap(env: Record<string, string | undefined>): Promise<string | null> {
    const script = { script: join(projectRoot(), 'dist/apps/api/src/bootstrap.js'), env };
    const printed = await runScript('setting up the operator', script, this.abort.signal);
    const { operatorApiKey, operatorViewKey } = printed as Record<'operatorApiKey' | 'operatorViewKey', string | null>;
    if (operatorApiKey !== null) writePrivateFile(this.operatorKeyFile(), `${operatorApiKey}\n`);
    if (operatorViewKey !== null) {
      writePrivateFile(join(this.settings.dataDir, 'operator-view-key'), `${operatorViewKey}\n`);
    }
    return operatorApiKey;
  }

  private process(
    app: string,
    listener: Listener,
    env: Record<string, string | undefined>,
    readyUrl = `${listener.url}/readyz`,
  ): ManagedProcess {
    return new ManagedProcess({
      name: listener.name,
      script: join(projectRoot(), `dist/apps/${app}/src/main.js`),
      env,
      readyUrl,
      runFolder: this.runFolder(),
      logFolder: join(this.settings.dataDir, 'logs'),
      onLine: (line) => this.console.childLine(listener.name, line),
    });
  }

  private publish(services: ServiceStatus[]): void {
    if (!this.state) return;
    this.state = { ...this.state, services };
    writeStackState(this.settings.dataDir, this.state);
  }

  private runFolder(): string {
    return join(this.settings.dataDir, 'run');
  }

  private operatorKeyFile(): string {
    return join(this.settings.dataDir, 'operator-key');
  }
}

/** Root lets others pass through, because PostgreSQL runs as another account; each file inside is closed by itself. */
function makeDataDir(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
}

function stateOf(
  { api, worker }: Listeners,
  urls: { apiUrl: string; dataUrl: string },
  chainUrl: string | null,
): StackState {
  return {
    version: 1,
    process: identify(process.pid) as ProcessIdentity,
    startedAt: new Date().toISOString(),
    ...urls,
    apiUrls: api.map((listener) => listener.url),
    workerUrls: worker.map((listener) => listener.url),
    chainUrl,
    services: [],
  };
}
