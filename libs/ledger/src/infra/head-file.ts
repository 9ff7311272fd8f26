import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failpoint } from '#kernel';
import { parseCheckpoint, parseNote, verifyNote } from '#merkle';
import { nodeCrypto } from '#proof';
import { LogRolledBackError } from '../domain/ledger.errors.js';
import type { KnownHead } from '../domain/rollback-guard.js';
import type { LogIdentity } from './log-identity.js';

interface HeadFileContent {
  v: 1;
  epoch: number;
  /** The signed checkpoint. */
  checkpoint: string;
}

/**
 * The newest signed head in a file outside the database, written and synced before the head is published. A database that
 * was restored from an older copy does not reach it, and is noticed.
 */
export class HeadFile {
  private constructor(
    readonly path: string,
    private readonly log: LogIdentity,
  ) {}

  /** Makes the folder when there is none; reads and writes nothing yet. */
  static async prepare(path: string, log: LogIdentity): Promise<HeadFile> {
    await mkdir(dirname(path), { recursive: true });
    return new HeadFile(path, log);
  }

  /** Null when there is no such file. @throws LogRolledBackError when it holds no head of this log */
  async read(): Promise<(KnownHead & { epoch: number }) | null> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    try {
      const content = JSON.parse(text) as HeadFileContent;
      if (content.v !== 1 || !Number.isSafeInteger(content.epoch)) throw new Error('not a head file of version 1');
      const { origin, size, root } = parseCheckpoint(parseNote(content.checkpoint).text);
      if (origin !== this.log.origin) throw new Error('the head is that of another log');
      await verifyNote(content.checkpoint, [this.log.keyFor(size)], nodeCrypto.ed25519Verify);
      return { source: `the head file ${this.path}`, size, root, epoch: content.epoch };
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : 'it cannot be read';
      throw new LogRolledBackError(
        `the head file ${this.path} holds no head of the log ${this.log.origin} (${reason})`,
      );
    }
  }

  /** Durable when it returns: the bytes, the name and the folder are synced. */
  async write(epoch: number, checkpoint: string): Promise<void> {
    const content: HeadFileContent = { v: 1, epoch, checkpoint };
    const draft = `${this.path}.${process.pid}.draft`;
    const file = await open(draft, 'w', 0o644);
    try {
      await file.writeFile(`${JSON.stringify(content)}\n`);
      failpoint('head file: written');
      await file.datasync();
    } finally {
      await file.close();
    }
    failpoint('head file: synced');
    await rename(draft, this.path);
    failpoint('head file: renamed');
    const folder = await open(dirname(this.path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}
