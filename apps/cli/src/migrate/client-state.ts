/**
 * What a client keeps of a dataset between runs, in a folder that only its owner can read: the journal and, so that a run
 * can be repeated without asking for an identity, the dataset key itself. Whoever can read this folder could read the
 * source as well.
 */
import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, unlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ConflictError, type DatasetId } from '#kernel';
import { isAlive } from './process-alive.js';

export function defaultStateFolder(): string {
  return join(homedir(), '.freehold-client');
}

export class ClientState {
  readonly folder: string;

  constructor(stateFolder: string, datasetId: DatasetId) {
    this.folder = join(stateFolder, datasetId);
  }

  get journalPath(): string {
    return join(this.folder, 'journal.jsonl');
  }

  get treeSpoolPath(): string {
    return join(this.folder, 'tree.jsonl');
  }

  async prepare(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await chmod(this.folder, 0o700);
  }

  /**
   * Keeps a second run on this dataset out until the function returned is called. The lock of a process that is gone is
   * taken over. @throws ConflictError `AlreadyRunning`
   */
  async lock(): Promise<() => Promise<void>> {
    await this.prepare();
    const path = join(this.folder, 'lock');
    for (;;) {
      try {
        await writeFile(path, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
        return () => unlink(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = Number.parseInt(await readFile(path, 'utf8').catch(() => ''), 10);
      if (Number.isInteger(holder) && isAlive(holder)) {
        throw new ConflictError(
          'AlreadyRunning',
          `Process ${holder} is moving data into this dataset; wait for it (or remove ${path} when that is not so).`,
        );
      }
      await unlink(path).catch(() => undefined);
    }
  }

  /** The kept dataset key, or null. */
  async readKey(): Promise<Buffer | null> {
    try {
      const key = Buffer.from((await readFile(this.keyPath, 'utf8')).trim(), 'base64');
      return key.length === 32 ? key : null;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** Keeps the dataset key; the first of two processes wins. */
  async writeKey(key: Uint8Array): Promise<void> {
    await this.prepare();
    const draft = `${this.keyPath}.${randomBytes(6).toString('hex')}`;
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.write(`${Buffer.from(key).toString('base64')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    try {
      await link(draft, this.keyPath);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await unlink(draft);
    }
  }

  private get keyPath(): string {
    return join(this.folder, 'dataset-key');
  }
}
