import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { endProcess, identify, isAlive, isPortFree, type ProcessIdentity } from '#embedded';
import { anvilBinary } from './anvil-binary.js';

export interface AnvilOptions {
  port: number;
  chainId: number;
  /** A snapshot to start from, or null for an empty chain. */
  stateFile: string | null;
  logFile: string;
  /** Whether the kernel ends it when this process ends, however that happens. Linux only. */
  dieWithParent: boolean;
}

/** Anvil did not come up. The message ends with what it said. */
export class AnvilStartError extends Error {
  override name = 'AnvilStartError';
}

const HOST = '127.0.0.1';
const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 10_000;
const DEATH_CHECK_MS = 200;
/** So large that no block is ever half full: nothing then waits for the next block or moves a fee. */
const BLOCK_GAS_LIMIT = 1_000_000_000;

/** One running anvil, started by us or found running. */
export class AnvilProcess {
  private constructor(
    readonly identity: ProcessIdentity,
    readonly port: number,
    /** Resolves, with the reason in words, when it ended. */
    readonly died: Promise<string>,
  ) {}

  /** @throws AnvilStartError; what was started is gone then */
  static async start(options: AnvilOptions, abort: AbortSignal): Promise<AnvilProcess> {
    abort.throwIfAborted();
    // Another node that listens there would answer in place of ours.
    if (!(await isPortFree(options.port))) throw new AnvilStartError(`port ${options.port} is taken`);
    const child = launch(options);
    const died = exitOf(child);
    const identity = child.pid === undefined ? null : identify(child.pid);
    if (identity) {
      const anvil = new AnvilProcess(identity, options.port, died);
      if (await anvil.becomesReady(options.chainId, abort)) return anvil;
      await anvil.stop();
    }
    abort.throwIfAborted();
    const said = readFileSync(options.logFile, 'utf8').trim().slice(-2_000);
    throw new AnvilStartError(`anvil did not start on port ${options.port}: ${await died}; it said:\n${said}`);
  }

  /** Takes over an anvil that somebody before us started, or null when it is not there or serves another chain. */
  static async adopt(identity: ProcessIdentity, port: number, chainId: number): Promise<AnvilProcess | null> {
    const anvil = new AnvilProcess(identity, port, deathOf(identity));
    return isAlive(identity) && (await anvil.answers(chainId)) ? anvil : null;
  }

  /** One JSON-RPC request. @throws Error when the process does not answer in time, or answers with an error */
  async request<T>(method: string, params: unknown[] = []): Promise<T> {
    const reply = await fetch(`http://${HOST}:${this.port}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const { result, error } = (await reply.json()) as { result: T; error?: { message: string } };
    if (error) throw new Error(`anvil refuses ${method}: ${error.message}`);
    return result;
  }

  async blockNumber(): Promise<bigint> {
    return BigInt(await this.request<string>('eth_blockNumber'));
  }

  /** Memory it holds now, in bytes; 0 when the system does not tell. */
  residentBytes(): number {
    try {
      const kilobytes =
        process.platform === 'linux'
          ? /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.identity.pid}/status`, 'utf8'))?.[1]
          : spawnSync('ps', ['-o', 'rss=', '-p', `${this.identity.pid}`], { encoding: 'utf8' }).stdout;
      return Number(kilobytes ?? 0) * 1024;
    } catch {
      return 0;
    }
  }

  /** Ends it. It keeps nothing on disk itself, so there is nothing to wait for. */
  async stop(): Promise<void> {
    await endProcess(this.identity, 'SIGTERM', STOP_TIMEOUT_MS);
    await this.died;
  }

  private async becomesReady(chainId: number, abort: AbortSignal): Promise<boolean> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (Date.now() < deadline && !abort.aborted && isAlive(this.identity)) {
      if (await this.answers(chainId)) return isAlive(this.identity);
      await delay(10);
    }
    return false;
  }

  private async answers(chainId: number): Promise<boolean> {
    try {
      return Number(await this.request<string>('eth_chainId')) === chainId;
    } catch {
      return false;
    }
  }
}

function launch({ port, chainId, stateFile, logFile, dieWithParent }: AnvilOptions): ChildProcess {
  const flags = [
    ...['--host', HOST, '--port', `${port}`, '--chain-id', `${chainId}`, '--no-cors'],
    // No account of its own: nobody can have the node sign, and no mnemonic exists that could leak.
    ...['--accounts', '0'],
    // Free of charge, for good: accounts need no funding, and the same raw transaction is good at any time.
    ...['--block-base-fee-per-gas', '0', '--gas-price', '0', '--disable-min-priority-fee'],
    ...['--gas-limit', `${BLOCK_GAS_LIMIT}`, '--prune-history', '256', '--quiet'],
    ...(stateFile === null ? [] : ['--load-state', stateFile]),
  ];
  const command = [...(dieWithParent ? deathSignal() : []), anvilBinary(), ...flags];
  const log = openSync(logFile, 'w', 0o600);
  try {
    return spawn(command[0] as string, command.slice(1), {
      // A group of its own: Ctrl-C in a terminal does not reach it, so that it can be stopped after its users.
      detached: true,
      stdio: ['ignore', log, log],
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
    });
  } finally {
    closeSync(log);
  }
}

let deathSignalPrefix: string[] | undefined;

/** util-linux's setpriv asks the kernel to end the process with its parent and then becomes it: nothing stays between. */
function deathSignal(): string[] {
  if (deathSignalPrefix === undefined) {
    const help = process.platform === 'linux' ? spawnSync('setpriv', ['--help'], { encoding: 'utf8' }).stdout : null;
    deathSignalPrefix = help?.includes('--pdeathsig') ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];
  }
  return deathSignalPrefix;
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => resolve(signal === null ? `exited with ${code}` : `ended by ${signal}`));
  });
}

/** For a process that is not our child. */
async function deathOf(identity: ProcessIdentity): Promise<string> {
  while (isAlive(identity)) await delay(DEATH_CHECK_MS, undefined, { ref: false });
  return 'is gone';
}
