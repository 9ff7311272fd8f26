import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LogFile } from './log-file.js';
import { type NodeScript, spawnNode } from './node-child.js';
import { readJsonIfThere, writePrivateFile } from './private-file.js';
import {
  endProcess,
  identify,
  isAlive,
  isProcessIdentity,
  type ProcessIdentity,
  signal,
  until,
} from './process-identity.js';
import type { RunningService, Service } from './service.js';

export interface ManagedProcessOptions extends NodeScript {
  name: string;
  /** Answers 200 when the child can work. */
  readyUrl: string;
  readyTimeoutMs?: number;
  stopTimeoutMs?: number;
  /** Where pid files are, so that a later supervisor finds what this one left. */
  runFolder: string;
  logFolder: string;
  /** Told each line of the child's output. */
  onLine?: (line: string) => void;
}

/** A child process did not come up. What it said went to the listener and is in its log, which the message names. */
export class ProcessStartError extends Error {
  override name = 'ProcessStartError';
}

const PROBE_INTERVAL_MS = 25;
const PROBE_TIMEOUT_MS = 2_000;

/** One of our own Node processes, restarted by a supervisor when it dies. */
export class ManagedProcess implements Service {
  readonly name: string;

  constructor(private readonly options: ManagedProcessOptions) {
    this.name = options.name;
  }

  /** @throws ProcessStartError */
  async start(abort: AbortSignal): Promise<RunningService> {
    const { name, readyTimeoutMs = 30_000, stopTimeoutMs = 10_000, logFolder } = this.options;
    const logFile = join(logFolder, `${name}.log`);
    const log = new LogFile(logFile, this.options.onLine ?? (() => undefined));
    const child = spawnNode(this.options);
    if (child.stdout) log.take(child.stdout);
    if (child.stderr) log.take(child.stderr);
    let ended: string | null = null;
    const died = new Promise<string>((resolve) => {
      const end = (reason: string) => {
        ended = reason;
        rmSync(this.pidFile(), { force: true });
        log.close();
        resolve(reason);
      };
      child.once('close', (code, by) => end(by ? `ended by ${by}` : `ended with exit code ${code}`));
      child.once('error', (error) => end(error.message));
    });
    const identity = child.pid === undefined ? null : identify(child.pid);
    if (identity) {
      mkdirSync(this.options.runFolder, { recursive: true, mode: 0o700 });
      writePrivateFile(this.pidFile(), JSON.stringify(identity));
    }
    const stop = async () => {
      if (identity) await endTree(identity, stopTimeoutMs);
      await died;
    };
    try {
      await this.waitUntilReady(() => ended, Date.now() + readyTimeoutMs, abort);
    } catch (error) {
      await stop();
      abort.throwIfAborted();
      throw new ProcessStartError(`${name} did not start: ${(error as Error).message}; its log is ${logFile}`);
    }
    return { pid: child.pid ?? null, died, stop };
  }

  private async waitUntilReady(ended: () => string | null, deadline: number, abort: AbortSignal): Promise<void> {
    for (let problem = 'no answer'; ; await delay(PROBE_INTERVAL_MS)) {
      abort.throwIfAborted();
      const reason = ended();
      if (reason !== null) throw new Error(`it ${reason}`);
      if (Date.now() > deadline) throw new Error(`it did not become ready in time (${problem})`);
      try {
        const probe = await fetch(this.options.readyUrl, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
        const body = await probe.text();
        if (probe.ok) return;
        problem = `${probe.status} ${body.slice(0, 300)}`;
      } catch (error) {
        problem = ((error as Error).cause as Error | undefined)?.message ?? (error as Error).message;
      }
    }
  }

  private pidFile(): string {
    return join(this.options.runFolder, `${this.name}.json`);
  }
}

/** Asks the process to end; by force after the deadline, and then all that it started with it. */
async function endTree(identity: ProcessIdentity, timeoutMs: number): Promise<void> {
  if (!isAlive(identity)) return;
  signal(identity.pid, 'SIGTERM');
  if (await until(() => !isAlive(identity), timeoutMs)) return;
  signal(identity.pid, 'SIGKILL', true);
  await endProcess(identity, 'SIGKILL', 5_000);
}

/** Ends the processes that a supervisor, killed itself, left behind. Returns the names of those that still lived. */
export async function endOrphans(runFolder: string, timeoutMs = 10_000): Promise<string[]> {
  mkdirSync(runFolder, { recursive: true, mode: 0o700 });
  const found = readdirSync(runFolder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => ({ file: join(runFolder, file), name: file.slice(0, -5) }));
  const ended = await Promise.all(
    found.map(async ({ file, name }) => {
      const identity = readJsonIfThere(file);
      const lives = isProcessIdentity(identity) && isAlive(identity);
      if (lives) await endTree(identity, timeoutMs);
      rmSync(file, { force: true });
      return lives ? [name] : [];
    }),
  );
  return ended.flat();
}
