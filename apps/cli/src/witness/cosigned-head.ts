import { access, readFile, rm } from 'node:fs/promises';
import { equalBytes, fromHex, type NoteKey, parseCheckpoint, TreeHasher, toHex, utf8, verifyNote } from '#merkle';
import { nodeCrypto } from '#proof';
import { replaceDurably, type Step } from './durable-file.js';

/** The newest head of a log that this witness has cosigned. */
export interface CosignedHead {
  size: number;
  root: Uint8Array;
  /** Unix seconds of the newest cosignature; 0 before the first. */
  time: number;
  /** The checkpoint with the witness's line under it; null before the first. */
  note: string | null;
}

type Mark = Pick<CosignedHead, 'size' | 'root'>;

/** What is stored does not show how far this witness has signed. It must not sign again on a guess. */
export class WitnessStateError extends Error {
  override name = 'WitnessStateError';
  constructor(path: string, reason: string) {
    super(
      `${path}: ${reason}. The witness could sign two histories and does not start; put the file back as it was, or retire ` +
        'this key and make a new witness',
    );
  }
}

const { emptyRoot } = new TreeHasher(nodeCrypto.sha256);
const NOTHING: CosignedHead = { size: 0, root: emptyRoot, time: 0, note: null };

/**
 * How far one log has been cosigned, kept so that no crash makes the witness forget it. The head's file is replaced and
 * synced before the cosignature leaves, and behind it a mark in another file, which may lie elsewhere: a head that is behind
 * its mark was put back from an older copy.
 */
export class CosignedHeadFile {
  private constructor(
    private readonly path: string,
    private readonly markPath: string,
    private readonly step: Step,
    private current: CosignedHead,
  ) {}

  /**
   * Begins a log at nothing. Both files are there from the start, so that one that is missing later was taken away.
   * @throws WitnessStateError when the log has been signed before
   */
  static async create(path: string, markPath: string, origin: string): Promise<void> {
    for (const one of [path, markPath]) {
      if ((await isThere(one)) && (await readSealed(one)).size !== 0) {
        throw new WitnessStateError(one, `${origin} was cosigned before, and what this witness knew of it is gone`);
      }
    }
    const file = new CosignedHeadFile(path, markPath, () => undefined, NOTHING);
    await file.write(origin, NOTHING);
  }

  /** For the one process that signs. @throws WitnessStateError */
  static async open(
    path: string,
    markPath: string,
    { origin, witness, step }: { origin: string; witness: NoteKey; step: Step },
  ): Promise<CosignedHeadFile> {
    for (const draft of [`${path}.draft`, `${markPath}.draft`]) await rm(draft, { force: true });
    const { head, mark } = await CosignedHeadFile.read(path, markPath, { origin, witness });
    const file = new CosignedHeadFile(path, markPath, step, head);
    if (mark.size < head.size) await file.writeMark(head);
    return file;
  }

  /** Looks, and changes nothing. @throws WitnessStateError */
  static async read(
    path: string,
    markPath: string,
    { origin, witness }: { origin: string; witness: NoteKey },
  ): Promise<{ head: CosignedHead; mark: Mark }> {
    // The mark first: a process that is signing now moves the head before it.
    const mark = await readMark(markPath);
    const head = await readHead(path, origin, witness);
    if (mark.size > head.size || (mark.size === head.size && !equalBytes(mark.root, head.root))) {
      throw new WitnessStateError(
        path,
        `it is at ${head.size} entries, but ${markPath} says ${mark.size}: it is older`,
      );
    }
    return { head, mark };
  }

  get head(): CosignedHead {
    return this.current;
  }

  /** Durable when it returns. After an error nobody knows what is on the disk: the caller must not sign on. */
  async advance(origin: string, head: CosignedHead): Promise<void> {
    await this.write(origin, head);
    this.current = head;
  }

  private async write(origin: string, head: CosignedHead): Promise<void> {
    const content = { v: 1, origin, size: head.size, root: toHex(head.root), time: head.time, note: head.note };
    await replaceDurably(this.path, sealed(content), this.step, 'head');
    await this.writeMark(head);
  }

  private writeMark({ size, root }: CosignedHead): Promise<void> {
    return replaceDurably(this.markPath, sealed({ v: 1, size, root: toHex(root) }), this.step, 'mark');
  }
}

/** One line of JSON and the hash of it, so that a torn or edited file shows. */
function sealed(content: object): string {
  const line = JSON.stringify(content);
  return `${line}\n${toHex(nodeCrypto.sha256(utf8(line)))}\n`;
}

async function readSealed(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new WitnessStateError(path, error.code === 'ENOENT' ? 'it is missing' : `it cannot be read (${error.code})`);
  });
  const [line = '', check, end, ...rest] = text.split('\n');
  if (end !== '' || rest.length > 0 || check !== toHex(nodeCrypto.sha256(utf8(line)))) {
    throw new WitnessStateError(path, 'it is torn or was changed');
  }
  return JSON.parse(line) as Record<string, unknown>;
}

async function readHead(path: string, origin: string, witness: NoteKey): Promise<CosignedHead> {
  const content = await readSealed(path);
  if (content.v !== 1 || content.origin !== origin) throw new WitnessStateError(path, `it is not that of ${origin}`);
  const head = { ...(content as unknown as CosignedHead), root: fromHex(content.root as string) };
  if (head.note === null) {
    if (head.size !== 0) throw new WitnessStateError(path, 'it has a size and no checkpoint');
    return NOTHING;
  }
  try {
    const { text, signedBy } = await verifyNote(head.note, [witness], nodeCrypto.ed25519Verify);
    const checkpoint = parseCheckpoint(text);
    const same = checkpoint.size === head.size && equalBytes(checkpoint.root, head.root);
    if (!same || checkpoint.origin !== origin || signedBy[0]?.time !== head.time) throw new Error('it says otherwise');
  } catch (error) {
    throw new WitnessStateError(
      path,
      `its checkpoint is none that this witness cosigned (${(error as Error).message})`,
    );
  }
  return { size: head.size, root: head.root, time: head.time, note: head.note };
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function readMark(path: string): Promise<Mark> {
  const { v, size, root } = await readSealed(path);
  if (v !== 1) throw new WitnessStateError(path, 'it is of another version');
  return { size: size as number, root: fromHex(root as string) };
}
