/** Walks a folder as it is on disk: names as bytes, links as links, in an order that does not depend on the file system. */
import type { BigIntStats } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { SourceUnreadableError } from './client-errors.js';

export interface ScannedEntry {
  kind: 'dir' | 'file' | 'link' | 'special';
  /** Relative to the folder, raw bytes, `/` between names. */
  path: Buffer;
  /** For opening it; raw bytes. */
  fullPath: Buffer;
  stats: BigIntStats;
  /** Of a link; raw bytes. */
  target?: Buffer;
}

export interface ScanOptions {
  /** Told of what cannot be read, in place of giving up. */
  onUnreadable?: (path: string, why: string) => void;
}

const SLASH = Buffer.from('/');

/** Entries of a folder, each directory before what is in it, names in the order of their bytes. Vanished ones are left out. */
export async function* scanFolder(folder: Buffer, options: ScanOptions = {}): AsyncGenerator<ScannedEntry> {
  yield* scanInto(folder, null, options);
}

async function* scanInto(folder: Buffer, within: Buffer | null, options: ScanOptions): AsyncGenerator<ScannedEntry> {
  const names = await unlessUnreadable(folder, options, () => readdir(folder, { encoding: 'buffer' }));
  if (!names) return;
  for (const name of (names as Buffer[]).sort(Buffer.compare)) {
    const fullPath = Buffer.concat([folder, SLASH, name]);
    const path = within ? Buffer.concat([within, SLASH, name]) : name;
    const entry = await unlessUnreadable(fullPath, options, () => inspect(path, fullPath));
    if (!entry) continue;
    yield entry;
    if (entry.kind === 'dir') yield* scanInto(fullPath, path, options);
  }
}

async function inspect(path: Buffer, fullPath: Buffer): Promise<ScannedEntry> {
  const stats = await lstat(fullPath, { bigint: true });
  if (stats.isDirectory()) return { kind: 'dir', path, fullPath, stats };
  if (stats.isFile()) return { kind: 'file', path, fullPath, stats };
  if (stats.isSymbolicLink()) {
    return { kind: 'link', path, fullPath, stats, target: await readlink(fullPath, { encoding: 'buffer' }) };
  }
  return { kind: 'special', path, fullPath, stats };
}

/** Null for what vanished between being listed and being looked at, and for what cannot be read when that is allowed. */
async function unlessUnreadable<T>(path: Buffer, options: ScanOptions, read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT') return null;
    if (!['EACCES', 'EPERM', 'EIO', 'ELOOP', 'ENAMETOOLONG'].includes(code)) throw error;
    if (!options.onUnreadable) {
      throw new SourceUnreadableError(
        path.toString(),
        `it cannot be read (${code})`,
        'make it readable, or skip what is not with --skip-unreadable',
      );
    }
    options.onUnreadable(path.toString(), code);
    return null;
  }
}

export interface FolderTotals {
  files: number;
  bytes: number;
}

/** Counts a folder's files and bytes, for a progress bar. */
export async function countFolder(folder: Buffer): Promise<FolderTotals> {
  const totals = { files: 0, bytes: 0 };
  for await (const entry of scanFolder(folder, { onUnreadable: () => undefined })) {
    if (entry.kind !== 'file') continue;
    totals.files += 1;
    totals.bytes += Number(entry.stats.size);
  }
  return totals;
}
