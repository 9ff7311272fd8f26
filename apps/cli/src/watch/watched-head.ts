import {
  type Checkpoint,
  equalBytes,
  FormatError,
  NoteSignatureError,
  parseCheckpoint,
  parseNote,
  TreeHasher,
  toBase64,
  toHex,
  verifyConsistency,
  verifyNote,
} from '#merkle';
import { type Equivocation, followLogKeys, type LogKeyLink, type LogKeySchedule, nodeCrypto } from '#proof';
import { type Finding, isAlarm } from './finding.js';
import type { LogSource } from './log-source.js';
import type { WatchState } from './watch-state.js';

/** A checkpoint that the log's key has signed. */
export interface SeenHead extends Checkpoint {
  note: string;
}

/** Where evidence goes. @returns the file's name */
export type WriteEvidence = (name: string, document: object) => string;

/**
 * Holds every checkpoint that the log shows against the newest one that it showed before. A head that does not continue it is
 * turned into evidence, when the log's own tiles show what its larger tree begins with.
 */
export class WatchedHead {
  private readonly hasher = new TreeHasher(nodeCrypto.sha256);

  constructor(
    private readonly source: LogSource,
    private readonly state: WatchState,
    private readonly writeEvidence: WriteEvidence,
  ) {}

  /** The newest head as it is known now; null before the first. */
  get newest(): SeenHead | null {
    const { checkpoint } = this.state.log;
    return checkpoint === null ? null : headOf(checkpoint);
  }

  /** Looks at what the log shows now. @throws RemoteProblem, ConnectionFailed */
  async look(): Promise<Finding[]> {
    this.source.forget();
    const note = await this.source.checkpoint();
    this.state.log.answeredAt = new Date().toISOString();
    return note === null ? this.empty() : this.take(note);
  }

  /** A checkpoint of this log from elsewhere, such as a receipt: null when it belongs to what was seen. */
  async contradiction(note: string): Promise<Finding | null> {
    const found = await this.take(note);
    return found.find((one) => isAlarm(one) && one.kind !== 'went-back') ?? null;
  }

  private async take(note: string): Promise<Finding[]> {
    const head = await this.signed(note);
    if (!head) return [{ kind: 'bad-signature', detail: 'the log shows a checkpoint that no key of it has signed' }];
    const { newest } = this;
    if (!newest) return this.advance(head);
    if (head.size === newest.size)
      return equalBytes(head.root, newest.root) ? [] : [await this.equivocated(newest, head)];
    if (head.size > newest.size) return this.grown(newest, head);
    return this.smaller(newest, head);
  }

  /** The keys that lead from the pinned one, for what they have signed; refreshed when a signature is none of theirs. */
  async schedule(): Promise<LogKeySchedule> {
    const { vkey, keys, checkpoint } = this.state.log;
    const head = checkpoint === null ? { size: 0, root: this.hasher.emptyRoot } : headOf(checkpoint);
    return followLogKeys(nodeCrypto, vkey, keys, head).catch(() => followLogKeys(nodeCrypto, vkey, [], head));
  }

  /** The links to the log's later keys, leading into this head. @throws RemoteProblem, ConnectionFailed, FormatError */
  async linksInto({ size }: { size: number }): Promise<LogKeyLink[]> {
    const tree = this.source.tree(size);
    const within = this.state.log.keys.filter(({ index }) => index < size);
    return Promise.all(within.map(async (link) => relinked(link, await tree.inclusionProof(link.index))));
  }

  /** The head of a note, when the key for its size signed it; null otherwise. */
  private async signed(note: string): Promise<SeenHead | null> {
    for (const refreshed of [false, true]) {
      try {
        if (refreshed) await this.refreshKeys();
        const head = headOf(note);
        if (head.origin !== this.state.log.origin) return null;
        await verifyNote(note, [(await this.schedule()).keyFor(head.size)], nodeCrypto.ed25519Verify);
        return head;
      } catch (error) {
        if (!(error instanceof FormatError || error instanceof NoteSignatureError)) throw error;
      }
    }
    return null;
  }

  /** Follows the log to keys that are new since. @throws FormatError when what it shows does not lead from the pinned key */
  private async refreshKeys(): Promise<void> {
    const { links, checkpoint } = await this.source.keys();
    if (checkpoint === null) return;
    const head = headOf(checkpoint);
    const schedule = await followLogKeys(nodeCrypto, this.state.log.vkey, links, head);
    await verifyNote(checkpoint, [schedule.keyFor(head.size)], nodeCrypto.ed25519Verify);
    // The links lead into that head, which must continue what was seen before anything of them is kept.
    const { newest } = this;
    if (newest && head.size >= newest.size && !(await this.continues(newest, head))) {
      throw new FormatError('the keys are those of another history');
    }
    this.state.log.keys = links;
    if (!newest || head.size > newest.size) await this.advance({ ...head, note: checkpoint });
    else this.state.log.keys = await this.linksInto(newest);
  }

  private async grown(newest: SeenHead, head: SeenHead): Promise<Finding[]> {
    const held = await this.heldAgainst(newest, head);
    if (held === 'continues') return this.advance(head);
    if (held === 'garbage') {
      const detail = `the log shows no tiles that lead to the head of ${head.size} entries that it signed`;
      return [{ kind: 'garbage', detail }];
    }
    return [await this.equivocated(newest, head)];
  }

  /** An older head is no contradiction, if the newer one continues it. */
  private async smaller(newest: SeenHead, head: SeenHead): Promise<Finding[]> {
    const held = head.size === 0 ? 'continues' : await this.heldAgainst(head, newest).catch(() => 'garbage' as const);
    if (held === 'other') return [await this.equivocated(head, newest)];
    const detail = `the log shows a head of ${head.size} entries after one of ${newest.size}`;
    return [{ kind: 'went-back', detail }];
  }

  private async heldAgainst(first: SeenHead, second: SeenHead): Promise<'continues' | 'other' | 'garbage'> {
    if (await this.continues(first, second)) return 'continues';
    const root = await this.source.tree(second.size).root().catch(refusedOrGarbage);
    return root && equalBytes(root, second.root) ? 'other' : 'garbage';
  }

  private async continues(first: SeenHead, second: SeenHead): Promise<boolean> {
    if (first.size === second.size) return equalBytes(first.root, second.root);
    const proof = await this.source.tree(second.size).consistencyProof(first.size).catch(refusedOrGarbage);
    const claim = { first: first.size, firstRoot: first.root, second: second.size, secondRoot: second.root };
    return proof !== null && verifyConsistency(this.hasher, { ...claim, proof });
  }

  /** `first` is not larger than `second`, whose tree the log has shown. */
  private async equivocated(first: SeenHead, second: SeenHead): Promise<Finding> {
    const { origin, vkey } = this.state.log;
    const tree = this.source.tree(second.size);
    const isOneSize = first.size === second.size;
    const evidence: Equivocation = {
      v: 1,
      type: 'freehold-equivocation',
      log: { origin, vkey },
      keys: this.state.log.keys.length === 0 ? [] : await this.linksInto(second),
      first: first.note,
      second: second.note,
      prefix: isOneSize ? null : toBase64(await tree.root(first.size)),
      proof: isOneSize ? [] : (await tree.consistencyProof(first.size)).map(toBase64),
    };
    const name = `equivocation-${first.size}-${second.size}-${toHex(second.root).slice(0, 16)}.json`;
    const detail = `the log signed heads of ${first.size} and ${second.size} entries that contradict each other`;
    return { kind: 'equivocated', detail, file: this.writeEvidence(name, evidence) };
  }

  private async advance(head: SeenHead): Promise<Finding[]> {
    // The links to later keys are kept with proofs that lead into the head beside them.
    this.state.log.keys = await this.linksInto(head);
    this.state.log.checkpoint = head.note;
    this.state.log.grewAt = new Date().toISOString();
    return [{ kind: 'grew', detail: `${head.size} entries` }];
  }

  private empty(): Finding[] {
    const { newest } = this;
    if (!newest) return [];
    return [{ kind: 'went-back', detail: `the log shows no checkpoint after one of ${newest.size} entries` }];
  }
}

export function headOf(note: string): SeenHead {
  return { ...parseCheckpoint(parseNote(note).text), note };
}

function relinked(link: LogKeyLink, proof: Uint8Array[]): LogKeyLink {
  return { ...link, proof: proof.map(toBase64) };
}

/** A tile that is not there, or is no tile: the log does not show its tree. That the log cannot be reached is something else. */
function refusedOrGarbage(error: unknown): null {
  const { name, status } = error as { name?: string; status?: number };
  if (name === 'FormatError' || (status !== undefined && status < 500)) return null;
  throw error;
}
