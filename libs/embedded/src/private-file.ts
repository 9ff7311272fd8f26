import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** Writes a file whole or not at all, readable by its owner only, and durable when this returns. */
export function writePrivateFile(path: string, content: string): void {
  const draft = writeDraft(path, content);
  renameSync(draft, path);
  syncFolder(dirname(path));
}

/**
 * The content of a private file, made with `make` when there is none. Two processes that come at once both get what the
 * first of them wrote.
 */
export function readOrCreatePrivateFile(path: string, make: () => string): string {
  const existing = readIfThere(path);
  if (existing !== null) return existing;
  const draft = writeDraft(path, make());
  try {
    linkSync(draft, path);
    syncFolder(dirname(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(path, 'utf8');
}

/** The content of a file, or null when there is none. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** The content of a JSON file, or null when there is none or it is not JSON. */
export function readJsonIfThere(path: string): unknown {
  const text = readIfThere(path);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function writeDraft(path: string, content: string): string {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.draft`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    // Root in an ordinary user's folder leaves files that the user can still read.
    if (process.getuid?.() === 0) fchownSync(file, ...ownerOf(dirname(path)));
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return draft;
}

function ownerOf(folder: string): [uid: number, gid: number] {
  const { uid, gid } = statSync(folder);
  return [uid, gid];
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
