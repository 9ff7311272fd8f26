import { createHash, randomBytes } from 'node:crypto';
import { constants, type FileHandle, lstat, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { readFully, syncFolder, writeAll } from './durable-file.js';
import { assertIdentity, markFolder } from './node-identity.js';
import { ShardCorruptError, ShardNotFoundError, StorageFullError, StoreOfflineError } from './shard-store.errors.js';
import {
  isShardName,
  parseShardName,
  type ShardContent,
  type ShardName,
  ShardStore,
  type StoredShard,
} from './shard-store.js';

const SHARDS = 'shards';
const DRAFTS = 'drafts';
/** A draft older than this belongs to a process that was killed: no upload of one shard takes so long. */
const STALE_DRAFT_MS = 60 * 60 * 1000;

const FULL = new Set(['ENOSPC', 'EDQUOT']);

/**
 * Shards as files of one folder: `shards/<first two digits>/<name>`. A shard is written to `drafts/`, synced, renamed and
 * its folder synced, so that a crash leaves it whole or absent. Several processes may use one folder.
 */
export class DirectoryShardStore extends ShardStore {
  private readonly knownFolders = new Set<string>();
  private sweeping: Promise<void> | undefined;

  constructor(
    private readonly path: string,
    private readonly nodeId: string,
  ) {
    super();
  }

  /**
   * Makes a folder the store of a node; it is created when missing. Idempotent. @throws StoreOfflineError when the folder
   * is another node's, or cannot be written
   */
  static async initialise(path: string, nodeId: string): Promise<DirectoryShardStore> {
    try {
      await markFolder(path, nodeId);
    } catch (error) {
      if (error instanceof StoreOfflineError) throw error;
      throw failure(nodeId, error);
    }
    return new DirectoryShardStore(path, nodeId);
  }

  async put(content: ShardContent): Promise<StoredShard> {
    await this.check();
    this.sweeping ??= this.sweepDrafts();
    await this.sweeping;
    const draft = join(this.path, DRAFTS, `${process.pid}-${randomBytes(9).toString('hex')}`);
    try {
      const stored = await this.writeDraft(draft, content);
      await this.onDisk(async () => {
        const folder = await this.folderOf(stored.name);
        await rename(draft, join(folder, stored.name));
        await syncFolder(folder);
      });
      return stored;
    } catch (error) {
      await unlink(draft).catch(() => undefined);
      // Perhaps a folder that was there is gone: the next put makes sure again.
      this.knownFolders.clear();
      this.sweeping = undefined;
      throw error;
    }
  }

  async get(name: ShardName): Promise<Uint8Array> {
    const bytes = await this.reading(name, async (file) => readFully(file, 0, (await file.stat()).size));
    if (createHash('sha256').update(bytes).digest('hex') !== name) {
      throw new ShardCorruptError(this.nodeId, name, 'its bytes have another hash');
    }
    return bytes;
  }

  async getRange(name: ShardName, offset: number, length: number, into?: Uint8Array): Promise<Uint8Array> {
    if (into && into.length !== length) throw new RangeError(`a buffer of ${into.length} bytes for ${length}`);
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
      throw new RangeError(`offset ${offset} and length ${length} must be whole numbers from 0`);
    }
    return this.reading(name, async (file) => {
      // Checked before anything is allocated for it.
      const { size } = await file.stat();
      if (offset + length > size) {
        throw new ShardCorruptError(this.nodeId, name, `it ends at ${size}, before ${offset + length}`);
      }
      return readFully(file, offset, length, into);
    });
  }

  async head(name: ShardName): Promise<StoredShard | null> {
    const path = this.fileOf(name);
    try {
      const found = await lstat(path);
      return found.isFile() ? { name, size: found.size } : null;
    } catch (error) {
      if (!isAbsent(error)) throw failure(this.nodeId, error);
      await this.check();
      return null;
    }
  }

  async delete(name: ShardName): Promise<boolean> {
    const file = this.fileOf(name);
    await this.check();
    try {
      await unlink(file);
      await syncFolder(join(file, '..'));
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw failure(this.nodeId, error);
    }
  }

  async *list(): AsyncIterable<StoredShard> {
    await this.check();
    for (let prefix = 0; prefix < 256; prefix += 1) {
      const folder = join(this.path, SHARDS, prefix.toString(16).padStart(2, '0'));
      for (const name of await this.shardsIn(folder)) {
        const shard = await this.head(name);
        if (shard) yield shard;
      }
    }
    // A disk that went away half-way looks like empty folders.
    await this.check();
  }

  check(): Promise<void> {
    return assertIdentity(this.path, this.nodeId);
  }

  private async writeDraft(draft: string, content: ShardContent): Promise<StoredShard> {
    const hash = createHash('sha256');
    let size = 0;
    const file = await this.onDisk(() => open(draft, 'wx', 0o640));
    try {
      for await (const part of content instanceof Uint8Array ? [content] : content) {
        hash.update(part);
        size += part.length;
        await this.onDisk(() => writeAll(file, part));
      }
      await this.onDisk(() => file.sync());
    } finally {
      await file.close();
    }
    return { name: hash.digest('hex') as ShardName, size };
  }

  /** The disk's errors become ours; those of a content that fails while it is read stay what they are. */
  private async onDisk<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      throw failure(this.nodeId, error);
    }
  }

  private async reading<T>(name: ShardName, read: (file: FileHandle) => Promise<T>): Promise<T> {
    const path = this.fileOf(name);
    let file: FileHandle;
    try {
      file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (!isAbsent(error)) throw this.readFailure(name, error);
      await this.check();
      throw new ShardNotFoundError(this.nodeId, name);
    }
    try {
      return await read(file);
    } catch (error) {
      throw error instanceof ShardCorruptError ? error : this.readFailure(name, error);
    } finally {
      await file.close();
    }
  }

  /** A bad sector or something odd in a shard's place concerns the shard; all else concerns the disk. */
  private readFailure(name: ShardName, error: unknown): Error {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    return ['EIO', 'ELOOP', 'EISDIR'].includes(code)
      ? new ShardCorruptError(this.nodeId, name, `it cannot be read (${code})`, { cause: error })
      : failure(this.nodeId, error);
  }

  private fileOf(name: ShardName): string {
    const checked = parseShardName(name);
    return join(this.path, SHARDS, checked.slice(0, 2), checked);
  }

  private async folderOf(name: ShardName): Promise<string> {
    const folder = join(this.path, SHARDS, name.slice(0, 2));
    if (!this.knownFolders.has(folder)) {
      await mkdir(folder, { recursive: true, mode: 0o750 });
      await syncFolder(join(this.path, SHARDS));
      await syncFolder(this.path);
      this.knownFolders.add(folder);
    }
    return folder;
  }

  /** What else lies in the folder was not put there by us, and is left alone. */
  private async shardsIn(folder: string): Promise<ShardName[]> {
    try {
      return (await readdir(folder)).filter(isShardName).sort();
    } catch (error) {
      if (isAbsent(error)) return [];
      throw failure(this.nodeId, error);
    }
  }

  /** Removes what killed processes left; once per process, before its first draft. */
  private async sweepDrafts(): Promise<void> {
    const folder = join(this.path, DRAFTS);
    try {
      await mkdir(folder, { recursive: true, mode: 0o750 });
      for (const name of await readdir(folder)) {
        const draft = join(folder, name);
        const { mtimeMs } = await lstat(draft).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
        if (Date.now() - mtimeMs > STALE_DRAFT_MS) await unlink(draft).catch(() => undefined);
      }
    } catch (error) {
      this.sweeping = undefined;
      throw failure(this.nodeId, error);
    }
  }
}

function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function failure(nodeId: string, error: unknown): StorageFullError | StoreOfflineError {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  return FULL.has(code)
    ? new StorageFullError(nodeId, { cause: error })
    : new StoreOfflineError(nodeId, `its disk answers ${code}`, { cause: error });
}
