import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere } from './private-file.js';
import { identify, type ProcessIdentity, programName, workingFolder } from './process-identity.js';

/** A PostgreSQL server that runs on a data folder. */
export interface Postmaster {
  process: ProcessIdentity;
  port: number;
  status: 'starting' | 'ready' | 'stopping';
}

/**
 * The server that runs on this data folder, from its own postmaster.pid (lines: pid, folder, start, port, socket folder,
 * address, shared memory, status). Null when the file is absent, or a leftover whose number is another process's by now.
 */
export function findPostmaster(dataFolder: string): Postmaster | null {
  const lines = readIfThere(join(dataFolder, 'postmaster.pid'))?.split('\n');
  const process = identify(Number(lines?.[0]));
  if (!lines || !process || !isServerOf(process.pid, dataFolder)) return null;
  const status = lines[7]?.trim();
  return {
    process,
    port: Number(lines[3]),
    status: status === 'ready' || status === 'stopping' ? status : 'starting',
  };
}

/**
 * Removes a postmaster.pid whose number another program has by now (after a restart of the machine or container). The server
 * itself would take that program for a second server and refuse to start.
 */
export function removeForeignPidFile(dataFolder: string): void {
  const file = join(dataFolder, 'postmaster.pid');
  const pid = Number(readIfThere(file)?.split('\n')[0]);
  if (identify(pid) && !isServerOf(pid, dataFolder)) rmSync(file, { force: true });
}

/** Backends that outlived a killed server and hold its shared memory; a new one refuses to start beside them. */
export function findStrayBackends(dataFolder: string): ProcessIdentity[] {
  if (process.platform !== 'linux') return [];
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids
    .filter((pid) => workingFolder(pid) === dataFolder && isServerOf(pid, dataFolder))
    .map((pid) => identify(pid))
    .filter((identity) => identity !== null);
}

function isServerOf(pid: number, dataFolder: string): boolean {
  const folder = workingFolder(pid);
  return programName(pid) === 'postgres' && (folder === null || folder === dataFolder);
}
