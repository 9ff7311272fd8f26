import { randomBytes } from 'node:crypto';
import { linkSync, renameSync, rmSync } from 'node:fs';
import { readJsonIfThere, writePrivateFile } from './private-file.js';
import { identify, isAlive, isProcessIdentity, type ProcessIdentity } from './process-identity.js';

/** Somebody else works on this data folder. */
export class DataDirInUseError extends Error {
  override name = 'DataDirInUseError';
  constructor(
    folder: string,
    readonly holder: ProcessIdentity,
  ) {
    super(
      `${folder} is in use by process ${holder.pid}: stop that one first (kill ${holder.pid}), or set FREEHOLD_DATA_DIR to another folder`,
    );
  }
}

/**
 * One supervisor a data folder. The lock is a file that names its holder; `link` makes it, because that fails when another
 * was quicker. A dead holder's lock is taken over, so that `kill -9` needs no mending by hand.
 */
export class DataDirLock {
  private constructor(
    private readonly file: string,
    private readonly ours: ProcessIdentity,
  ) {}

  /** @throws DataDirInUseError */
  static acquire(folder: string, file: string): DataDirLock {
    const ours = identify(process.pid);
    if (!ours) throw new Error('this process cannot find itself among the processes (is /proc mounted?)');
    const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
    writePrivateFile(draft, JSON.stringify(ours));
    try {
      for (;;) {
        if (tryLink(draft, file)) return new DataDirLock(file, ours);
        const holder = readJsonIfThere(file);
        if (isProcessIdentity(holder) && isAlive(holder)) throw new DataDirInUseError(folder, holder);
        setAside(file, `${draft}.stale`);
      }
    } finally {
      rmSync(draft, { force: true });
    }
  }

  release(): void {
    const holder = readJsonIfThere(this.file);
    if (isProcessIdentity(holder) && holder.pid === this.ours.pid && holder.startedAt === this.ours.startedAt) {
      rmSync(this.file, { force: true });
    }
  }
}

/**
 * Moves a dead holder's lock away. Two may do so at once, and the slower would then move the quicker's fresh lock: whoever
 * finds a living holder in what was moved puts it back.
 */
function setAside(file: string, aside: string): void {
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = readJsonIfThere(aside);
  if (isProcessIdentity(moved) && isAlive(moved)) tryLink(aside, file);
  rmSync(aside, { force: true });
}

function tryLink(existing: string, path: string): boolean {
  try {
    linkSync(existing, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
