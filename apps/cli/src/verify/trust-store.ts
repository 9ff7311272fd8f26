import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConflictError, NotFoundError } from '#kernel';
import { UsageError } from '../cli-errors.js';
import { replacePrivateFile } from '../connection/private-file.js';
import { configPath } from '../connection/profiles.js';

/** A log that somebody decided to trust, and what it showed since. */
export interface TrustedLog {
  origin: string;
  /** The verifier key that was pinned; later keys are followed from it. */
  vkey: string;
  /** Whose cosignatures a head must have: verifier keys, and how many of them. */
  witnesses: string[];
  threshold: number;
  /**
   * Signed checkpoints that the log showed, by size. Those that were proven to be beginnings of a later one are left out: the
   * last one stands for them. More than one means that nothing has proven yet that they belong to one history.
   */
  seen: SeenCheckpoint[];
}

export interface SeenCheckpoint {
  size: number;
  note: string;
}

interface TrustFile {
  v: 1;
  logs: TrustedLog[];
}

/** Heads that could not be held against each other are few; beyond this the oldest but the first are dropped. */
const MAX_SEEN = 32;

/** Which logs are trusted on this machine, in one file beside the configuration that is replaced whole. */
export class TrustStore {
  readonly path: string;

  constructor(env: Record<string, string | undefined>) {
    this.path = join(dirname(configPath(env)), 'trust.json');
  }

  list(): TrustedLog[] {
    return this.read().logs;
  }

  find(origin: string): TrustedLog | null {
    return this.list().find((log) => log.origin === origin) ?? null;
  }

  /**
   * Pins a log, or gives one that is pinned other witnesses. What it showed is kept.
   * @throws ConflictError when another key of the log is pinned: whoever wants that removes the log first
   */
  add(log: Omit<TrustedLog, 'seen'>): TrustedLog {
    const known = this.find(log.origin);
    if (known && known.vkey !== log.vkey) {
      throw new ConflictError(
        'OtherKeyPinned',
        `${log.origin} is pinned with the key ${known.vkey}. Remove it first if you are sure that the other key is right.`,
      );
    }
    const added = { ...log, seen: known?.seen ?? [] };
    this.write([...this.list().filter(({ origin }) => origin !== log.origin), added]);
    return added;
  }

  /** @throws NotFoundError */
  remove(origin: string): void {
    if (!this.find(origin)) throw new NotFoundError('trusted log', origin);
    this.write(this.list().filter((log) => log.origin !== origin));
  }

  /**
   * Keeps a checkpoint of a pinned log, once it has been verified. `continues` are the heads that were proven to be
   * beginnings of it. The file is read anew: another command may have written it meanwhile.
   */
  remember(origin: string, checkpoint: SeenCheckpoint, continues: readonly SeenCheckpoint[]): void {
    const logs = this.list();
    const log = logs.find((one) => one.origin === origin);
    if (!log) return;
    const standing = log.seen.filter(({ size, note }) => {
      return size !== checkpoint.size && !(size < checkpoint.size && continues.some((one) => one.note === note));
    });
    // A checkpoint that a later one was proven to continue adds nothing to it.
    const seen = [...standing, checkpoint].sort((a, b) => a.size - b.size);
    if (seen.length > MAX_SEEN) seen.splice(1, seen.length - MAX_SEEN);
    log.seen = seen;
    this.write(logs);
  }

  private write(logs: TrustedLog[]): void {
    const file: TrustFile = { v: 1, logs: logs.sort((a, b) => (a.origin < b.origin ? -1 : 1)) };
    replacePrivateFile(this.path, `${JSON.stringify(file, null, 2)}\n`);
  }

  private read(): TrustFile {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { v: 1, logs: [] };
      throw error;
    }
    const file = parse(text);
    // A damaged file is no reason to trust anew: what was pinned would be forgotten in silence.
    if (!file) throw new UsageError(`${this.path} is not a trust file of this command; mend it or move it away`);
    return file;
  }
}

function parse(text: string): TrustFile | null {
  try {
    const file = JSON.parse(text) as TrustFile;
    const isText = (value: unknown) => typeof value === 'string';
    const sound =
      file.v === 1 &&
      file.logs.every(
        ({ origin, vkey, witnesses, threshold, seen }) =>
          [origin, vkey, ...witnesses].every(isText) &&
          Number.isSafeInteger(threshold) &&
          seen.every(({ size, note }) => Number.isSafeInteger(size) && isText(note)),
      );
    return sound ? file : null;
  } catch {
    return null;
  }
}
