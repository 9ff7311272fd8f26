import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { ConflictError } from '#kernel';

const OWNER_ONLY = 0o600;

/** Writes a file whole or not at all, readable by its owner only, in place of what was there. */
export function replacePrivateFile(path: string, content: string): void {
  renameSync(writeDraft(path, content), path);
}

/** As above, but never over a file that is there: it may hold the only copy of a key. @throws ConflictError */
export function createPrivateFile(path: string, content: string): void {
  const draft = writeDraft(path, content);
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new ConflictError('FileExists', `${path} exists and is not overwritten; name another file, or move it away.`);
  } finally {
    rmSync(draft, { force: true });
  }
}

function writeDraft(path: string, content: string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}.draft`;
  const file = openSync(draft, 'wx', OWNER_ONLY);
  try {
    fchmodSync(file, OWNER_ONLY);
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return draft;
}
