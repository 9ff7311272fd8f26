import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  endProcess,
  freePort,
  isAlive,
  isPortFree,
  isProcessIdentity,
  type ProcessIdentity,
  type RunningService,
  readJsonIfThere,
  type Service,
  writePrivateFile,
} from '#embedded';
import { AnvilProcess, AnvilStartError } from './anvil-process.js';
import { compactState } from './anvil-state.js';

export interface DevChainOptions {
  /** Where its port, its snapshot and its log are. Created when missing. */
  folder: string;
  /** Default: drawn once and kept in the folder. */
  port?: number;
  chainId?: number;
  /** Memory in MiB above which anvil is started anew from a snapshot. Default 160; an idle one takes 20. */
  memoryLimitMb?: number;
  /** How often a chain that moved is written to disk. Default 30,000. */
  snapshotIntervalMs?: number;
  /** Whether it ends with this process even if that is killed (Linux). Default true. */
  dieWithParent?: boolean;
  /** Told what a person should know. */
  log?: (line: string) => void;
}

/** The chain id that everybody takes for a chain on somebody's desk. */
export const DEV_CHAIN_ID = 31337;
const MIB = 1024 * 1024;
const WATCH_INTERVAL_MS = 2_000;
const PORT_ATTEMPTS = 5;
const SNAPSHOT_ATTEMPTS = 10;

/**
 * A development chain on this machine (anvil). A disposable copy: the truth is the raw transactions in the database, which
 * the anchorer sends again from wherever the chain's account stands. A snapshot on disk only makes that tail short, and one
 * that does not load is thrown away.
 *
 * Anvil's memory grows with every block. Above the limit it is replaced, on the same port, by one that starts from a compact
 * snapshot; requests in that half second fail as if the chain were down.
 */
export class DevChain implements Service {
  readonly name = 'chain';
  readonly chainId: number;
  private readonly log: (line: string) => void;
  private anvil: AnvilProcess | null = null;
  private fixedPort: number | null;
  /** Whatever replaces or reads the process takes its turn here. */
  private turn: Promise<unknown> = Promise.resolve();
  private stopping = false;
  private snapshotBlock = 0n;

  constructor(private readonly options: DevChainOptions) {
    this.chainId = options.chainId ?? DEV_CHAIN_ID;
    this.log = options.log ?? (() => undefined);
    this.fixedPort = options.port ?? null;
  }

  /** The JSON-RPC endpoint. Only valid once started; stays the same from then on. */
  get url(): string {
    if (this.fixedPort === null) throw new Error('the development chain has not been started');
    return `http://127.0.0.1:${this.fixedPort}`;
  }

  /** Memory that the chain's process holds now, in bytes. */
  get residentBytes(): number {
    return this.anvil?.residentBytes() ?? 0;
  }

  /** Starts the chain, or takes over the one that runs on this folder already. @throws AnvilStartError */
  async start(abort: AbortSignal = new AbortController().signal): Promise<RunningService> {
    mkdirSync(this.options.folder, { recursive: true, mode: 0o700 });
    this.stopping = false;
    this.anvil = (await this.adopt()) ?? (await this.launch(abort));
    this.fixedPort = this.anvil.port;
    this.snapshotBlock = await this.anvil.blockNumber();
    const died = this.followUntilDeath(this.anvil);
    const watch = this.keepWatch();
    const self = this;
    return {
      get pid() {
        return self.anvil?.identity.pid ?? null;
      },
      died,
      stop: async () => {
        clearInterval(watch);
        await this.stop();
        await died;
      },
    };
  }

  /** Writes the chain's state to disk, so that a restart need not be told everything again. */
  snapshot(): Promise<void> {
    return this.inTurn(() => this.writeSnapshot());
  }

  /** Replaces the process by one that starts from a fresh snapshot: the same chain, little memory. */
  recycle(): Promise<void> {
    return this.inTurn(async () => {
      const old = this.running();
      await this.writeSnapshot();
      this.anvil = null;
      await old.stop();
      this.anvil = await this.launch(new AbortController().signal);
    });
  }

  private async stop(): Promise<void> {
    this.stopping = true;
    await this.inTurn(async () => {
      const anvil = this.anvil;
      if (!anvil) return;
      if (isAlive(anvil.identity)) await this.writeSnapshot().catch((error: Error) => this.log(error.message));
      this.anvil = null;
      await anvil.stop();
      rmSync(this.file('process.json'), { force: true });
    });
  }

  /** One life of the service may be several processes: it died when the last one did without a successor. */
  private async followUntilDeath(first: AnvilProcess): Promise<string> {
    for (let current = first; ; ) {
      const reason = await current.died;
      // A successor, if there is to be one, is being started in a turn that began before this one ended.
      await this.turn.catch(() => undefined);
      const next = this.anvil;
      if (this.stopping || next === null || next === current) {
        this.anvil = null;
        return `anvil ${reason}`;
      }
      current = next;
    }
  }

  private keepWatch(): NodeJS.Timeout {
    const limit = (this.options.memoryLimitMb ?? 160) * MIB;
    const snapshotInterval = this.options.snapshotIntervalMs ?? 30_000;
    let lastSnapshot = Date.now();
    let busy = false;
    const look = async () => {
      if (busy || this.stopping || !this.anvil) return;
      busy = true;
      try {
        if (this.residentBytes > limit) {
          await this.recycle();
          lastSnapshot = Date.now();
        } else if (Date.now() - lastSnapshot >= snapshotInterval) {
          lastSnapshot = Date.now();
          if ((await this.anvil.blockNumber()) !== this.snapshotBlock) await this.snapshot();
        }
      } catch (error) {
        // The chain is disposable: without a snapshot it is told more again, and its death is noticed elsewhere.
        this.log(`the development chain: ${(error as Error).message}`);
      } finally {
        busy = false;
      }
    };
    return setInterval(() => void look(), Math.min(WATCH_INTERVAL_MS, snapshotInterval)).unref();
  }

  private async adopt(): Promise<AnvilProcess | null> {
    const { process: identity, port } = (readJsonIfThere(this.file('process.json')) ?? {}) as {
      process?: ProcessIdentity;
      port?: number;
    };
    if (!isProcessIdentity(identity) || !Number.isInteger(port) || !isAlive(identity)) return null;
    if (this.fixedPort === null || this.fixedPort === port) {
      const found = await AnvilProcess.adopt(identity, port as number, this.chainId);
      if (found) return found;
    }
    await endProcess(identity, 'SIGTERM', 2_000);
    return null;
  }

  private async launch(abort: AbortSignal): Promise<AnvilProcess> {
    for (let attempt = 1; ; attempt += 1) {
      const port = this.fixedPort ?? (await this.choosePort());
      const hasSnapshot = readJsonIfThere(this.file('state.json')) !== null;
      try {
        const anvil = await AnvilProcess.start(
          {
            port,
            chainId: this.chainId,
            stateFile: hasSnapshot ? this.file('state.json') : null,
            logFile: this.file('anvil.log'),
            dieWithParent: this.options.dieWithParent ?? true,
          },
          abort,
        );
        writePrivateFile(this.file('process.json'), JSON.stringify({ process: anvil.identity, port }));
        return anvil;
      } catch (error) {
        if (!(error instanceof AnvilStartError) || attempt === PORT_ATTEMPTS) throw error;
        if (!(await isPortFree(port))) {
          if (this.fixedPort !== null) await delay(100 * attempt);
        } else if (hasSnapshot) {
          this.log('the snapshot of the development chain does not load; it starts empty and is told everything again');
          rmSync(this.file('state.json'), { force: true });
        } else {
          throw error;
        }
      }
    }
  }

  private async choosePort(): Promise<number> {
    const { port } = (readJsonIfThere(this.file('port.json')) ?? {}) as { port?: number };
    if (port !== undefined && Number.isInteger(port) && (await isPortFree(port))) return port;
    const drawn = await freePort();
    writePrivateFile(this.file('port.json'), JSON.stringify({ port: drawn }));
    return drawn;
  }

  /** A dump taken while a block is being made can lack that block: it counts only if the chain stood still around it. */
  private async writeSnapshot(): Promise<void> {
    const anvil = this.running();
    for (let attempt = 1; attempt <= SNAPSHOT_ATTEMPTS; attempt += 1) {
      const before = await anvil.blockNumber();
      const snapshot = compactState(await anvil.request<string>('anvil_dumpState'));
      if (before === snapshot.blockNumber && before === (await anvil.blockNumber())) {
        writePrivateFile(this.file('state.json'), snapshot.json);
        this.snapshotBlock = snapshot.blockNumber;
        return;
      }
      await delay(20 * attempt);
    }
    throw new Error('no snapshot: the chain did not stand still');
  }

  private running(): AnvilProcess {
    if (!this.anvil) throw new Error('the development chain is not running');
    return this.anvil;
  }

  private file(name: string): string {
    return join(this.options.folder, name);
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.catch(() => undefined).then(work);
    this.turn = mine;
    mine.catch(() => undefined);
    return mine;
  }
}
