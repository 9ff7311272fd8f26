import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  pid: number;
  /** When the kernel started it, in the kernel's own words; compared, never read. */
  startedAt: string;
}

/** The living process of this number, or null. A zombie is dead: nobody may be there to reap it in a container. */
export function identify(pid: number): ProcessIdentity | null {
  const startedAt = process.platform === 'linux' ? startOnLinux(pid) : startElsewhere(pid);
  return startedAt === null ? null : { pid, startedAt };
}

/** True while the very process that was identified lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startedAt === identity.startedAt;
}

export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  const { pid, startedAt } = (value ?? {}) as Partial<ProcessIdentity>;
  return Number.isSafeInteger(pid) && (pid as number) > 0 && typeof startedAt === 'string';
}

/** proc(5): field 3 of `stat` is the state, field 22 the start in ticks since the boot; the name before may hold blanks. */
function startOnLinux(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19]}`;
  } catch {
    return null;
  }
}

function startElsewhere(pid: number): string | null {
  const line = psField(pid, 'stat=,lstart=');
  return line === null || line.startsWith('Z') ? null : line.replace(/^\S+\s+/, '');
}

function psField(pid: number, format: string): string | null {
  try {
    const text = execFileSync('ps', ['-o', format, '-p', `${pid}`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return text.trim() || null;
  } catch {
    return null;
  }
}

/** The name of the process's program, without its folder, or null. */
export function programName(pid: number): string | null {
  if (process.platform !== 'linux') {
    const command = psField(pid, 'comm=');
    return command === null ? null : basename(command);
  }
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return null;
  }
}

/** The folder a process works in; null where the system does not tell us. */
export function workingFolder(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}

/** Sends a signal; a process that is gone already is no error. With `group`, to all of its process group. */
export function signal(pid: number, name: NodeJS.Signals, group = false): void {
  try {
    process.kill(group ? -pid : pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Waits until `condition` holds; gives false when the deadline came first. */
export async function until(condition: () => boolean, timeoutMs: number, stepMs = 20): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() >= deadline) return false;
    await delay(stepMs);
  }
  return true;
}

/** Ends a process that need not be a child of ours: asks, waits, then insists. */
export async function endProcess(identity: ProcessIdentity, askWith: NodeJS.Signals, timeoutMs: number): Promise<void> {
  if (!isAlive(identity)) return;
  signal(identity.pid, askWith);
  if (await until(() => !isAlive(identity), timeoutMs)) return;
  signal(identity.pid, 'SIGKILL');
  if (!(await until(() => !isAlive(identity), 5_000))) {
    throw new Error(`process ${identity.pid} does not end, not even by SIGKILL (it waits for a disk?)`);
  }
}
