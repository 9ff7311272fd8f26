import { open } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AddCheckpoint,
  cosignatureLine,
  equalBytes,
  FormatError,
  formatNote,
  formatTreeSize,
  formatVkey,
  NoteSignatureError,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  TREE_SIZE_TYPE,
  TreeHasher,
  verifyConsistency,
  verifyNote,
} from '#merkle';
import { type Equivocation, nodeCrypto } from '#proof';
import { type CosignedHead, CosignedHeadFile } from './cosigned-head.js';
import type { Step } from './durable-file.js';
import { originHash, type WatchedLog, type WitnessFolder } from './witness-folder.js';

/** What the protocol answers. */
export interface WitnessReply {
  status: 200 | 400 | 403 | 404 | 409 | 422 | 500;
  type: string;
  body: string;
}

export interface WatchedHead extends CosignedHead {
  origin: string;
  keys: WatchedLog['keys'];
}

interface Watched extends WatchedLog {
  head: CosignedHeadFile;
  /** The end of the request before: one at a time, so that checking and storing are one step. */
  turn: Promise<unknown>;
  /** Why nothing is signed for this log any more: it is unknown how far it has been signed. */
  broken: string | null;
}

const TEXT = 'text/plain; charset=utf-8';
const refusal = (status: WitnessReply['status'], why: string): WitnessReply => ({
  status,
  type: TEXT,
  body: `${why}\n`,
});

/** How often at most the folder is read again for a log or a key that was added since. */
const RELOAD_MS = 1000;

/**
 * A witness (c2sp.org/tlog-witness): cosigns the heads of the logs it knows, as long as each continues the one before. It
 * holds true that no two heads of one log that it ever cosigned contradict each other, whenever it is killed.
 */
export class Witness {
  private readonly hasher = new TreeHasher(nodeCrypto.sha256);
  private readonly watched = new Map<string, Watched>();
  private loadedAt = 0;

  private constructor(
    readonly folder: WitnessFolder,
    private readonly now: () => number,
    private readonly step: Step,
  ) {}

  /** @throws WitnessStateError when a log's files do not show how far it has been signed */
  static async open(
    folder: WitnessFolder,
    { now = Date.now, step = () => undefined }: { now?: () => number; step?: Step } = {},
  ): Promise<Witness> {
    const witness = new Witness(folder, now, step);
    await witness.reload();
    return witness;
  }

  heads(): WatchedHead[] {
    return [...this.watched.values()].map(({ origin, keys, head }) => ({ origin, keys, ...head.head }));
  }

  /** The cosigned checkpoint of a log, by the hash of its origin; null when there is none. */
  checkpoint(hash: string): string | null {
    return this.heads().find(({ origin }) => originHash(origin) === hash)?.note ?? null;
  }

  /** Answers the body of an add-checkpoint. Never throws for what a caller sent. */
  async addCheckpoint(body: string): Promise<WitnessReply> {
    let request: AddCheckpoint;
    let checkpoint: ReturnType<typeof parseCheckpoint>;
    try {
      request = parseAddCheckpoint(body);
      checkpoint = parseCheckpoint(parseNote(request.checkpoint).text);
    } catch (error) {
      if (error instanceof FormatError) return refusal(400, error.message);
      throw error;
    }
    const log = await this.find(checkpoint.origin, request.checkpoint);
    if (log === 'unknown') return refusal(404, 'this log is not known here');
    if (log === 'unsigned') return refusal(403, 'the checkpoint is not signed by a key of this log');
    if (request.oldSize > checkpoint.size) return refusal(400, 'the old size is larger than that of the checkpoint');
    const answer = log.turn.then(() => this.decide(log, request, checkpoint));
    log.turn = answer.catch(() => undefined);
    return answer;
  }

  /** One request of a log at a time. */
  private async decide(
    log: Watched,
    { oldSize, proof, checkpoint: note }: AddCheckpoint,
    { size, root }: { size: number; root: Uint8Array },
  ): Promise<WitnessReply> {
    if (log.broken !== null) return refusal(500, log.broken);
    const { head } = log.head;
    if (oldSize !== head.size) return conflict(head);
    if (size === head.size && !equalBytes(root, head.root)) {
      await this.keepEvidence(log, note, size);
      return conflict(head);
    }
    const claim = { first: head.size, firstRoot: head.root, second: size, secondRoot: root, proof };
    if (!verifyConsistency(this.hasher, claim)) return refusal(422, 'the consistency proof does not verify');
    const time = Math.floor(this.now() / 1000);
    if (time < head.time) return refusal(500, 'the clock of this witness has gone back');
    const line = cosignatureLine(this.folder.key.key, this.folder.key.sign, parseNote(note).text, time);
    await this.step('signed');
    try {
      await log.head.advance(log.origin, { size, root, time, note: withOwnLine(note, log.keys, line) });
    } catch (error) {
      log.broken = 'this witness could not store what it signs; its operator must look';
      throw error;
    }
    await this.step('stored');
    return { status: 200, type: TEXT, body: line };
  }

  private async find(origin: string, note: string): Promise<Watched | 'unknown' | 'unsigned'> {
    const found = await this.findNow(origin, note);
    if (typeof found === 'object' || Date.now() - this.loadedAt < RELOAD_MS) return found;
    await this.reload();
    return this.findNow(origin, note);
  }

  private async findNow(origin: string, note: string): Promise<Watched | 'unknown' | 'unsigned'> {
    const log = this.watched.get(origin);
    if (!log) return 'unknown';
    try {
      await verifyNote(note, log.keys, nodeCrypto.ed25519Verify);
      return log;
    } catch (error) {
      if (error instanceof NoteSignatureError || error instanceof FormatError) return 'unsigned';
      throw error;
    }
  }

  /** Takes in logs and keys that were added since; how far a known log has come is never read again. */
  private async reload(): Promise<void> {
    this.loadedAt = Date.now();
    for (const { origin, keys } of await this.folder.logs()) {
      const known = this.watched.get(origin);
      if (known) known.keys = keys;
      else
        this.watched.set(origin, {
          origin,
          keys,
          head: await this.openHead(origin),
          turn: Promise.resolve(),
          broken: null,
        });
    }
  }

  private openHead(origin: string): Promise<CosignedHeadFile> {
    const about = { origin, witness: this.folder.key.key, step: this.step };
    return CosignedHeadFile.open(this.folder.headPath(origin), this.folder.markPath(origin), about);
  }

  /** Two signed heads of one size with different roots prove by themselves what the log did. Kept once for each size. */
  private async keepEvidence(log: Watched, other: string, size: number): Promise<void> {
    const cosigned = log.head.head.note;
    if (cosigned === null) return;
    const path = join(this.folder.logFolder(log.origin), 'evidence', `equivocation-${size}.json`);
    const file = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return null;
      throw error;
    });
    if (!file) return;
    try {
      const { signedBy } = await verifyNote(other, log.keys, nodeCrypto.ed25519Verify);
      const evidence: Equivocation = {
        v: 1,
        type: 'freehold-equivocation',
        log: { origin: log.origin, vkey: formatVkey(signedBy[0]!.key) },
        keys: [],
        first: cosigned,
        second: other,
        prefix: null,
        proof: [],
      };
      await file.writeFile(`${JSON.stringify(evidence, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

/**
 * The checkpoint with the log's own signatures and ours. Other lines are whatever the caller wrote: one in our name would
 * make the note worthless to everybody who knows us, and our own file unreadable.
 */
function withOwnLine(note: string, keys: WatchedLog['keys'], line: string): string {
  const { text, signatures } = parseNote(note);
  const lines = note.slice(text.length + 1).split('\n');
  const kept = keys.flatMap(({ name, keyId }) => {
    const at = signatures.findIndex((one) => one.name === name && one.keyId === keyId);
    return at < 0 ? [] : [`${lines[at]}\n`];
  });
  return formatNote(text, [...kept, line]);
}

function conflict({ size }: CosignedHead): WitnessReply {
  return { status: 409, type: TREE_SIZE_TYPE, body: formatTreeSize(size) };
}
