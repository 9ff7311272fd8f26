import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { UsageError, WaitEndedError } from '../cli-errors.js';
import { findLocalStack, type LocalStack, localDataDir, projectFolder } from '../connection/local-stack.js';

const READY_WITHIN_S = 120;
const POLL_MS = 50;
/** Of what the stack wrote, when it does not come up. */
const LAST_CHARACTERS = 2_000;
/** A demonstration should not wait ten seconds for an anchor. */
const DEMO_SETTINGS = { FREEHOLD_ANCHOR_INTERVAL_MS: '1000' };
const PORTS = { FREEHOLD_API_PORT: 7070, FREEHOLD_DATA_PORT: 7071, FREEHOLD_WORKER_PORT: 7072 };

/** The stack that the demo works with: the one that runs already, or one of its own. */
export interface DemoStack {
  stack: LocalStack;
  operatorKey: string;
  /** The demo's own, to be ended with it; null for one that ran before. */
  child: ChildProcess | null;
  /** Ends the stack when it is the demo's own. */
  stop(): Promise<void>;
}

type Environment = Record<string, string | undefined>;

/** @throws Error with the stack's own words when it does not come up */
export async function findOrStartStack(env: Environment): Promise<DemoStack> {
  const dataDir = localDataDir(env);
  const running = findLocalStack(dataDir);
  if (running)
    return { stack: running, operatorKey: operatorKey(dataDir, env), child: null, stop: async () => undefined };
  const { child, output } = await startStack(dataDir, env);
  try {
    const stack = await untilReady(child, dataDir, output);
    return { stack, operatorKey: operatorKey(dataDir, env), child, stop: () => stopStack(child) };
  } catch (error) {
    await stopStack(child);
    throw error;
  }
}

async function startStack(dataDir: string, env: Environment) {
  const main = join(projectFolder(), 'dist/apps/stack/src/main.js');
  const child = spawn(process.execPath, [main], {
    env: { ...DEMO_SETTINGS, ...(await freePorts(env)), ...env, FREEHOLD_DATA_DIR: dataDir } as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const collect = (chunk: Buffer) => {
    text = `${text}${chunk}`.slice(-LAST_CHARACTERS);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  return { child, output: () => text };
}

/** The usual ports, or any where another program has one of them already. */
async function freePorts(env: Environment): Promise<Environment> {
  const ports: Environment = {};
  for (const [variable, port] of Object.entries(PORTS)) {
    if (!env[variable] && !(await isFree(port))) ports[variable] = '0';
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function untilReady(child: ChildProcess, dataDir: string, output: () => string): Promise<LocalStack> {
  const deadline = Date.now() + READY_WITHIN_S * 1000;
  while (Date.now() < deadline) {
    const stack = findLocalStack(dataDir);
    if (stack) return stack;
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`the stack did not come up:\n${output()}`);
    }
    await delay(POLL_MS);
  }
  throw new WaitEndedError(`The start of the stack (${output().trim()})`, READY_WITHIN_S);
}

async function stopStack(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** The stack leaves it in its data folder on the first start. */
function operatorKey(dataDir: string, env: Environment): string {
  try {
    return readFileSync(join(dataDir, 'operator-key'), 'utf8').trim();
  } catch {
    if (env.FREEHOLD_API_KEY) return env.FREEHOLD_API_KEY;
    throw new UsageError(`the operator's key is no longer in ${dataDir}: set FREEHOLD_API_KEY to it`);
  }
}
