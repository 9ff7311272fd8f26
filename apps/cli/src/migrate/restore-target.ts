/**
 * Writes a restored tree into a new folder beside its target and gives it its name when everything is in it: a target that
 * exists is whole. Links come last, so that nothing is ever written through one.
 */
import {
  chmod,
  type FileHandle,
  lutimes,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  rmdir,
  symlink,
  utimes,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { linkStaysInside } from '#dataset';
import { ConflictError } from '#kernel';
import { isAlive } from './process-alive.js';
import type { PlannedDir, PlannedFile, PlannedLink } from './restore-plan.js';

const MARK = 'freehold-restore';
const MOST_OPEN_FILES = 128;
const SLASH = Buffer.from('/');

export class RestoreTarget {
  private readonly open = new Map<PlannedFile, FileHandle>();
  private readonly created = new Set<PlannedFile>();

  private constructor(
    private readonly target: string,
    private readonly draft: Buffer,
  ) {}

  /** @throws ConflictError `TargetNotEmpty` */
  static async create(path: string): Promise<RestoreTarget> {
    const target = resolve(path);
    await requireEmpty(target);
    const parent = dirname(target);
    await mkdir(parent, { recursive: true });
    await removeAbandoned(parent, basename(target));
    const draft = join(parent, `.${basename(target)}.${MARK}-${process.pid}`);
    await mkdir(draft, { mode: 0o700 });
    return new RestoreTarget(target, Buffer.from(draft));
  }

  /** Makes the directories, open to us only until the end, and the empty files. */
  async begin(dirs: readonly PlannedDir[], files: readonly PlannedFile[]): Promise<void> {
    for (const { path } of dirs) await mkdir(this.at(path), { mode: 0o700 });
    for (const file of files) if (file.size === 0) await this.finishFile(file, await this.handleOf(file));
  }

  /** Writes a stretch of a file; the file is closed with its mode and time when it is whole. */
  async write(file: PlannedFile, bytes: Uint8Array, offset: number): Promise<void> {
    const handle = await this.handleOf(file);
    for (let at = 0; at < bytes.length; ) {
      at += (await handle.write(bytes, at, bytes.length - at, offset + at)).bytesWritten;
    }
    file.missing -= bytes.length;
    if (file.missing === 0) await this.finishFile(file, handle);
  }

  /**
   * Adds the links, gives the directories their modes and times, and the tree its name. Gives the links that lead outside
   * and were left out for it.
   */
  async commit(
    dirs: readonly PlannedDir[],
    links: readonly PlannedLink[],
    allowOutsideLinks: boolean,
  ): Promise<PlannedLink[]> {
    const refused: PlannedLink[] = [];
    for (const link of links) {
      if (!allowOutsideLinks && !linkStaysInside(link.path, link.target)) {
        refused.push(link);
        continue;
      }
      await symlink(link.target, this.at(link.path));
      await lutimes(this.at(link.path), seconds(link.mtimeNs), seconds(link.mtimeNs));
    }
    // Innermost first: adding to a directory changes its time.
    for (const { path, mode, mtimeNs } of [...dirs].reverse()) {
      await utimes(this.at(path), seconds(mtimeNs), seconds(mtimeNs));
      await chmod(this.at(path), mode);
    }
    await chmod(this.draft, 0o755);
    await rmdir(this.target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(this.draft, this.target);
    return refused;
  }

  /** Removes what was written; for a restore that failed. */
  async abandon(): Promise<void> {
    for (const handle of this.open.values()) await handle.close().catch(() => undefined);
    this.open.clear();
    await rm(this.draft.toString(), { recursive: true, force: true });
  }

  private at(path: Buffer): Buffer {
    return Buffer.concat([this.draft, SLASH, path]);
  }

  private async handleOf(file: PlannedFile): Promise<FileHandle> {
    const known = this.open.get(file);
    if (known) return known;
    if (this.open.size >= MOST_OPEN_FILES) await this.closeOldest();
    const isNew = !this.created.has(file);
    const handle = await open(this.at(file.path), isNew ? 'wx' : 'r+', 0o600);
    this.created.add(file);
    this.open.set(file, handle);
    return handle;
  }

  private async closeOldest(): Promise<void> {
    const [oldest] = this.open;
    if (!oldest) return;
    const [file, handle] = oldest;
    this.open.delete(file);
    await handle.close();
  }

  private async finishFile(file: PlannedFile, handle: FileHandle): Promise<void> {
    this.open.delete(file);
    this.created.delete(file);
    try {
      await handle.chmod(file.mode);
      await handle.utimes(seconds(file.mtimeNs), seconds(file.mtimeNs));
    } finally {
      await handle.close();
    }
  }
}

/** Node takes seconds as a double: microseconds survive, nanoseconds do not. The half keeps rounding from taking one off. */
function seconds(nanoseconds: bigint): number {
  return (Number(nanoseconds / 1000n) + 0.5) / 1e6;
}

async function requireEmpty(target: string): Promise<void> {
  const names = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') return [basename(target)];
    throw error;
  });
  if (names.length > 0) {
    throw new ConflictError('TargetNotEmpty', `${target} is not an empty folder; restore into a new one.`);
  }
}

/** Removes what killed restores of this target left. */
async function removeAbandoned(parent: string, name: string): Promise<void> {
  const prefix = `.${name}.${MARK}-`;
  for (const entry of await readdir(parent)) {
    if (!entry.startsWith(prefix)) continue;
    const pid = Number(entry.slice(prefix.length));
    if (Number.isInteger(pid) && !isAlive(pid)) await rm(join(parent, entry), { recursive: true, force: true });
  }
}
