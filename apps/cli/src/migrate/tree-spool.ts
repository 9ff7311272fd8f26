import { createReadStream } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { encodeTreeLine, type TreeEntry } from '#dataset';

const FLUSH_BYTES = 256 * 1024;

/**
 * The entries of a file tree while they are found. They go to a file, because the tree begins with the segments, which are
 * known last, and a million entries do not belong in memory.
 */
export class TreeSpool {
  readonly totals = { dirs: 0, files: 0, links: 0, bytes: 0 };
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;

  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
  ) {}

  static async create(path: string): Promise<TreeSpool> {
    return new TreeSpool(path, await open(path, 'w', 0o600));
  }

  async add(entry: TreeEntry): Promise<void> {
    if (entry.t === 'file') {
      this.totals.files += 1;
      this.totals.bytes += entry.size;
    } else if (entry.t === 'dir') this.totals.dirs += 1;
    else this.totals.links += 1;
    const line = encodeTreeLine(entry);
    this.pending.push(line);
    this.pendingBytes += line.length;
    if (this.pendingBytes >= FLUSH_BYTES) await this.flush();
  }

  /** The lines of all entries, in pieces of any size. */
  async *read(): AsyncIterable<Uint8Array> {
    await this.flush();
    yield* createReadStream(this.path) as AsyncIterable<Buffer>;
  }

  async remove(): Promise<void> {
    await this.file.close();
    await unlink(this.path);
  }

  private async flush(): Promise<void> {
    const lines = Buffer.concat(this.pending);
    this.pending = [];
    this.pendingBytes = 0;
    await this.file.appendFile(lines);
  }
}
