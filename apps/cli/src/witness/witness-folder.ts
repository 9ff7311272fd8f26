import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DataDirInUseError, DataDirLock } from '#embedded';
import { ConflictError } from '#kernel';
import { ED25519, formatVkey, type NoteKey, parseVkey, toHex, utf8 } from '#merkle';
import { nodeCrypto } from '#proof';
import { UsageError } from '../cli-errors.js';
import { createPrivateFile } from '../connection/private-file.js';
import { type CosignedHead, CosignedHeadFile, WitnessStateError } from './cosigned-head.js';
import { replaceDurably } from './durable-file.js';
import { drawWitnessKey, parseWitnessKey, type WitnessKey } from './witness-key.js';

/** A log that the witness watches, with the keys it may sign with: several when it has rotated. */
export interface WatchedLog {
  origin: string;
  keys: NoteKey[];
}

const NAME = /^[^\s+\p{Cc}]{1,200}$/u;
const MAX_KEYS = 64;

/**
 * Everything that a witness keeps: its key, and for each log its keys, the head cosigned last and a mark behind it.
 *
 *     witness.json  key  serving.lock
 *     logs/<SHA-256 of the origin>/{log.json, head, evidence/}
 *     marks/<SHA-256 of the origin>      (or elsewhere, as witness.json says)
 */
export class WitnessFolder {
  private constructor(
    readonly path: string,
    readonly key: WitnessKey,
    private readonly marks: string,
  ) {}

  /** Draws a key and writes it, readable by its owner only. @throws UsageError, ConflictError when there is one */
  static async init(path: string, name: string, marksElsewhere?: string): Promise<WitnessFolder> {
    if (!NAME.test(name)) {
      throw new UsageError('a witness is named without blanks and plus signs, for instance witness.example.org/w1');
    }
    const text = drawWitnessKey(name);
    const key = parseWitnessKey(text, 'the drawn key');
    await mkdir(join(path, 'logs'), { recursive: true, mode: 0o700 });
    // Beside the rest they have no path of their own, so that the whole folder can be moved.
    const marks = marksElsewhere === undefined ? null : resolve(marksElsewhere);
    const made = new WitnessFolder(path, key, marks ?? join(path, 'marks'));
    await mkdir(made.marks, { recursive: true, mode: 0o700 });
    createPrivateFile(join(path, 'key'), `${text}\n`);
    createPrivateFile(join(path, 'witness.json'), `${JSON.stringify({ v: 1, name, marks })}\n`);
    return made;
  }

  /** @throws UsageError when no witness is there */
  static async open(path: string): Promise<WitnessFolder> {
    const read = (name: string) =>
      readFile(join(path, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
        throw new UsageError(
          error.code === 'ENOENT'
            ? `there is no witness in ${path}: make one with "freehold witness init --folder ${path} --name <name>"`
            : `${join(path, name)} cannot be read: ${error.code}`,
        );
      });
    const { marks } = JSON.parse(await read('witness.json')) as { marks: string | null };
    const key = parseWitnessKey(await read('key'), join(path, 'key'));
    return new WitnessFolder(path, key, marks ?? join(path, 'marks'));
  }

  get vkey(): string {
    return formatVkey(this.key.key);
  }

  /** Keeps a second process out until the function returned is called. @throws ConflictError */
  lockForServing(): () => void {
    return lock(this.path, join(this.path, 'serving.lock'), 'serves this witness already: stop it first');
  }

  /**
   * Adds keys of one log; a log that is there keeps its keys and how far it has come. @returns the log with all its keys
   * @throws UsageError
   */
  async addLog(vkeys: readonly string[]): Promise<WatchedLog> {
    const keys = vkeys.map(parseLogKey);
    const [first] = keys;
    if (!first) throw new UsageError("say --vkey <vkey>: the log's verifier key");
    if (keys.some((key) => key.name !== first.name)) throw new UsageError('the keys are those of different logs');
    const unlock = lock(this.path, join(this.path, 'logs.lock'), 'adds a log to this witness: try again');
    try {
      const before = (await this.logs()).find((log) => log.origin === first.name);
      const all = new Map([...(before?.keys ?? []), ...keys].map((key) => [formatVkey(key), key]));
      if (all.size > MAX_KEYS) throw new UsageError(`a log has at most ${MAX_KEYS} keys`);
      const log = { origin: first.name, keys: [...all.values()] };
      if (!before) await this.begin(log.origin);
      const content = `${JSON.stringify({ v: 1, origin: log.origin, vkeys: [...all.keys()] })}\n`;
      await replaceDurably(join(this.logFolder(log.origin), 'log.json'), content, () => undefined, 'log');
      return log;
    } finally {
      unlock();
    }
  }

  /** How far each log has come. May be asked while another process serves. @throws WitnessStateError */
  async heads(): Promise<(WatchedLog & CosignedHead)[]> {
    const logs = await this.logs();
    return Promise.all(
      logs.map(async (log) => {
        const about = { origin: log.origin, witness: this.key.key };
        const { head } = await CosignedHeadFile.read(this.headPath(log.origin), this.markPath(log.origin), about);
        return { ...log, ...head };
      }),
    );
  }

  /** Until log.json is there, the log is not known, and what an interrupted attempt left is begun again. */
  private async begin(origin: string): Promise<void> {
    const folder = this.logFolder(origin);
    await mkdir(join(folder, 'evidence'), { recursive: true, mode: 0o700 });
    await CosignedHeadFile.create(join(folder, 'head'), this.markPath(origin), origin);
  }

  /** The logs, by origin. @throws WitnessStateError */
  async logs(): Promise<WatchedLog[]> {
    const names = await readdir(join(this.path, 'logs'));
    const found: WatchedLog[] = [];
    for (const name of names.filter((one) => /^[0-9a-f]{64}$/.test(one))) {
      const path = join(this.path, 'logs', name, 'log.json');
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      });
      if (text !== null) found.push(parseLog(path, name, text));
    }
    return found.sort((a, b) => (a.origin < b.origin ? -1 : 1));
  }

  logFolder(origin: string): string {
    return join(this.path, 'logs', originHash(origin));
  }

  headPath(origin: string): string {
    return join(this.logFolder(origin), 'head');
  }

  markPath(origin: string): string {
    return join(this.marks, originHash(origin));
  }
}

/** How a log is known by in names of files and URLs: SHA-256 of its origin, hexadecimal. */
export function originHash(origin: string): string {
  return toHex(nodeCrypto.sha256(utf8(origin)));
}

function parseLogKey(vkey: string): NoteKey {
  try {
    const key = parseVkey(nodeCrypto.sha256, vkey.trim());
    if (key.type !== ED25519) throw new Error('it is the key of a witness');
    return key;
  } catch (error) {
    throw new UsageError(`${JSON.stringify(vkey)} is no verifier key of a log: ${(error as Error).message}`);
  }
}

function parseLog(path: string, name: string, text: string): WatchedLog {
  try {
    const { v, origin, vkeys } = JSON.parse(text) as { v: number; origin: string; vkeys: string[] };
    if (v !== 1 || originHash(origin) !== name) throw new Error('it is that of another log');
    return { origin, keys: vkeys.map((vkey) => parseVkey(nodeCrypto.sha256, vkey)) };
  } catch (error) {
    throw new WitnessStateError(path, `it does not say which log this is (${(error as Error).message})`);
  }
}

function lock(folder: string, file: string, what: string): () => void {
  try {
    const held = DataDirLock.acquire(folder, file);
    return () => held.release();
  } catch (error) {
    if (!(error instanceof DataDirInUseError)) throw error;
    throw new ConflictError('WitnessInUse', `Process ${error.holder.pid} ${what}.`);
  }
}
