import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomFillSync } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '#config';
import { type BenchStack, startBenchStack } from './api-process.js';
import { BenchClient } from './http-client.js';

export interface MigrationFigures {
  /** MB (10^6 bytes of plaintext) a second, from the start of `freehold migrate` until all is spread, read back and recorded. */
  ingestMBps: number;
  /** From the start of `freehold restore` until every file is there. */
  restoreMBps: number;
  /** The same folder copied file by file, each synced, before and after; the slower of the two. */
  plainCopyMBps: number;
  ingestShareOfCopy: number;
  /** Most memory that each process ever held, MB. */
  apiRssMB: number;
  workerRssMB: number;
  dataRssMB: number;
  migrateClientRssMB: number;
  restoreClientRssMB: number;
}

const LARGE_FILES = 6;
const LARGE_BYTES = 32_000_000;
const TEXT_FILES = 40;
const TEXT_BYTES = 1_000_000;
const SMALL_FILES = 3_000;
const SMALL_BYTES = 8_000;
const STORAGE_NODES = 6;
const MB = 1e6;

/** 256 MB of mixed data through the real processes: the client, the API, the data process, a worker and six nodes. */
export async function run(): Promise<MigrationFigures> {
  const stack = await startBenchStack();
  const client = new BenchClient(stack.apiUrl);
  try {
    const worker = await stack.startWorker();
    const data = await stack.startData();
    const apiKey = await prepareTenant(stack, client);
    const source = join(stack.folder, 'source');
    const bytes = makeSource(source);
    const copied = [copySpeed(source, join(stack.folder, 'copy-1'), bytes)];
    const freehold = new Freehold(stack, apiKey);
    await freehold.run('key', 'generate', '-f', freehold.identity);
    const keys = ['--recipient', freehold.recipient, '--no-recovery', '--state', join(stack.folder, 'client')];
    const moved = await freehold.run('migrate', source, '--dataset', 'bench', ...keys);
    const state = ['--identity', freehold.identity, '--state', join(stack.folder, 'client')];
    const restored = await freehold.run('restore', 'bench', join(stack.folder, 'restored'), ...state);
    copied.push(copySpeed(source, join(stack.folder, 'copy-2'), bytes));
    const plainCopyMBps = Math.min(...copied);
    const ingestMBps = bytes / MB / moved.seconds;
    return {
      ingestMBps,
      restoreMBps: bytes / MB / restored.seconds,
      plainCopyMBps,
      ingestShareOfCopy: ingestMBps / plainCopyMBps,
      apiRssMB: mostMemory(stack.api),
      workerRssMB: mostMemory(worker),
      dataRssMB: mostMemory(data),
      migrateClientRssMB: moved.mostMemory,
      restoreClientRssMB: restored.mostMemory,
    };
  } finally {
    client.close();
    await stack.close();
  }
}

async function prepareTenant({ operatorKey, folder }: BenchStack, client: BenchClient): Promise<string> {
  for (let node = 0; node < STORAGE_NODES; node += 1) {
    const location = join(folder, 'nodes', `${node}`);
    const body = { name: `node ${node}`, location, failureDomain: `rack-${node}` };
    await client.change(operatorKey, 'POST', '/v1/system/storage-nodes', body);
  }
  const key = () => randomBytes(32).toString('base64');
  const body = { name: 'bench', rootPublicKey: key(), viewKey: key() };
  return (await client.change(operatorKey, 'POST', '/v1/system/tenants', body)).ownerApiKey;
}

/** Large files that do not compress, text that does and repeats itself, and many small files. Returns the bytes in all. */
function makeSource(folder: string): number {
  mkdirSync(folder);
  let bytes = 0;
  const write = (name: string, content: Uint8Array | string) => {
    writeFileSync(join(folder, name), content);
    bytes += content.length;
  };
  const large = new Uint8Array(LARGE_BYTES);
  for (let at = 0; at < LARGE_FILES; at += 1) write(`large-${at}.bin`, randomFillSync(large));
  const line = (at: number) => `${at} 2026-11-23T00:00:00Z GET /v1/vpcs 200 ${(at * 7919) % 1000} ms\n`;
  for (let at = 0; at < TEXT_FILES; at += 1) {
    let text = '';
    for (let number = at * 10_000; text.length < TEXT_BYTES; number += 1) text += line(number);
    write(`text-${at}.log`, text);
  }
  mkdirSync(join(folder, 'small'));
  for (let at = 0; at < SMALL_FILES; at += 1) write(`small/${at}`, randomBytes(SMALL_BYTES));
  return bytes;
}

/** MB/s of reading every file and writing it elsewhere, synced: what the disks allow. */
function copySpeed(source: string, target: string, bytes: number): number {
  const from = performance.now();
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const folder = entry.parentPath.replace(source, target);
    mkdirSync(folder, { recursive: true });
    const content = readFileSync(join(entry.parentPath, entry.name));
    const file = openSync(join(folder, entry.name), 'w');
    writeSync(file, content);
    fsyncSync(file);
    closeSync(file);
  }
  return bytes / MB / ((performance.now() - from) / 1000);
}

/** The `freehold` command, as a customer runs it. */
class Freehold {
  readonly identity: string;

  constructor(
    private readonly stack: BenchStack,
    private readonly apiKey: string,
  ) {
    this.identity = join(stack.folder, 'identity.txt');
  }

  /** The file's line names it. */
  get recipient(): string {
    return /age1\S+/.exec(readFileSync(this.identity, 'utf8'))?.[0] ?? '';
  }

  async run(...args: string[]): Promise<{ seconds: number; mostMemory: number }> {
    const from = performance.now();
    const child = spawn(process.execPath, [join(projectRoot(), 'dist/apps/cli/src/main.js'), ...args], {
      env: { ...process.env, FREEHOLD_URL: this.stack.apiUrl, FREEHOLD_API_KEY: this.apiKey, HOME: this.stack.folder },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(-2000);
    });
    let memory = 0;
    const watch = setInterval(() => {
      memory = Math.max(memory, mostMemory(child));
    }, 50);
    const code = await new Promise((resolve) => child.once('close', resolve));
    clearInterval(watch);
    if (code !== 0) throw new Error(`freehold ${args[0]} ended with ${code}: ${said}`);
    return { seconds: (performance.now() - from) / 1000, mostMemory: memory };
  }
}

/** proc(5): the high-water mark of resident memory, in MB; 0 where the system does not tell, or of a process that is gone. */
function mostMemory({ pid }: ChildProcess): number {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return (Number(kilobytes ?? 0) * 1024) / MB;
  } catch {
    return 0;
  }
}
