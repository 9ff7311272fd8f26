import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isAlive } from '../migrate/process-alive.js';

/** The stack on this machine, as it describes itself in its data folder. */
export interface LocalStack {
  dataDir: string;
  apiUrl: string;
  dataUrl: string;
  chainUrl: string | null;
}

/** The folder of package.json, from the sources as from the compiled files. */
export function projectFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const levels = /[\\/]dist[\\/]apps[\\/]cli[\\/]src[\\/]connection$/.test(here) ? 5 : 4;
  return resolve(here, ...Array<string>(levels).fill('..'));
}

export function localDataDir(env: Record<string, string | undefined>): string {
  return env.FREEHOLD_DATA_DIR ? resolve(env.FREEHOLD_DATA_DIR) : join(projectFolder(), '.freehold');
}

/** The stack that runs on that folder now, or null: a file that a killed one left is no stack. */
export function findLocalStack(dataDir: string): LocalStack | null {
  try {
    const { process, apiUrl, dataUrl, chainUrl } = JSON.parse(readFileSync(join(dataDir, 'stack.json'), 'utf8'));
    if (typeof apiUrl !== 'string' || !isAlive(process.pid)) return null;
    return { dataDir, apiUrl, dataUrl, chainUrl };
  } catch {
    return null;
  }
}
