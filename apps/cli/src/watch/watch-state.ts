import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LogKeyLink } from '#proof';
import { UsageError } from '../cli-errors.js';
import { replacePrivateFile } from '../connection/private-file.js';
import { originHash } from './origin-hash.js';

/** What is known of one promise. */
export interface PromiseState {
  /** kept: the receipt is stored; broken: it is proven. */
  outcome: 'kept' | 'broken' | null;
  /** The first signed head that was seen behind the deadline, while there was no receipt. */
  lateCheckpoint: string | null;
  /** When evidence that does not prove it yet was written last. */
  triedAt: string | null;
}

export interface WatchedLog {
  v: 1;
  origin: string;
  /** The verifier key that everything is held against: given, or taken the first time. */
  vkey: string;
  /** Its later keys as they were seen last. */
  keys: LogKeyLink[];
  /** The newest signed checkpoint that was seen; it never goes back. */
  checkpoint: string | null;
  /** When the log answered with something new, and at all. */
  grewAt: string;
  answeredAt: string;
  promises: Record<string, PromiseState>;
}

/** What a watch remembers of a log between runs, in a folder readable by its owner only. */
export class WatchState {
  private constructor(
    private readonly folder: string,
    readonly log: WatchedLog,
  ) {}

  /** @throws UsageError when another key is pinned, or the file is damaged: what was seen would be forgotten in silence */
  static open(root: string, { origin, vkey, pin }: { origin: string; vkey: string; pin?: string }): WatchState {
    const folder = join(root, originHash(origin));
    mkdirSync(join(folder, 'receipts'), { recursive: true, mode: 0o700 });
    const known = read(join(folder, 'state.json'), origin);
    if (known && pin !== undefined && known.vkey !== pin) {
      throw new UsageError(`${join(folder, 'state.json')} is of ${known.vkey}; move it away to trust ${pin} instead`);
    }
    const now = new Date().toISOString();
    const fresh = { v: 1 as const, origin, keys: [], checkpoint: null, grewAt: now, answeredAt: now, promises: {} };
    return new WatchState(folder, known ?? { ...fresh, vkey: pin ?? vkey });
  }

  promise(entryId: string): PromiseState {
    const { promises } = this.log;
    promises[entryId] ??= { outcome: null, lateCheckpoint: null, triedAt: null };
    return promises[entryId];
  }

  save(): void {
    replacePrivateFile(join(this.folder, 'state.json'), `${JSON.stringify(this.log)}\n`);
  }

  /** @returns where it was kept */
  keepReceipt(entryId: string, receipt: string): string {
    const path = join(this.folder, 'receipts', `${entryId}.json`);
    writeFileSync(path, receipt, { mode: 0o600 });
    return path;
  }
}

function read(path: string, origin: string): WatchedLog | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const log = JSON.parse(text) as WatchedLog;
    if (log.v === 1 && log.origin === origin && typeof log.vkey === 'string' && typeof log.promises === 'object')
      return log;
  } catch {
    // Said below, as for every other content that is none.
  }
  throw new UsageError(`${path} is not what "freehold watch" wrote; mend it or move it away`);
}
