import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonIfThere, writePrivateFile } from './private-file.js';
import { isAlive, isProcessIdentity, type ProcessIdentity } from './process-identity.js';
import type { ServiceStatus } from './supervisor.js';

/** What a running stack says about itself, for the command line and the demo. Holds no secret. */
export interface StackState {
  version: 1;
  /** The supervisor. */
  process: ProcessIdentity;
  startedAt: string;
  /** The first API; with several, `apiUrls` has all. */
  apiUrl: string;
  apiUrls: string[];
  dataUrl: string;
  workerUrls: string[];
  /** The development chain's endpoint, or null with a chain of the operator's own. */
  chainUrl: string | null;
  services: ServiceStatus[];
}

const FILE = 'stack.json';

export function writeStackState(dataDir: string, state: StackState): void {
  writePrivateFile(join(dataDir, FILE), `${JSON.stringify(state, null, 2)}\n`);
}

export function removeStackState(dataDir: string): void {
  rmSync(join(dataDir, FILE), { force: true });
}

/** The stack that runs on this data folder now, or null: a file that a killed one left is no stack. */
export function findRunningStack(dataDir: string): StackState | null {
  const state = readJsonIfThere(join(dataDir, FILE)) as StackState | null;
  return state?.version === 1 && isProcessIdentity(state.process) && isAlive(state.process) ? state : null;
}
