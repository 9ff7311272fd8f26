import {
  equalBytes,
  FormatError,
  NoteSignatureError,
  parseCheckpoint,
  parseNote,
  parseVkey,
  toHex,
  verifyNote,
} from '#merkle';
import { type AnchorClaim, type AnchorTrust, checkAnchor } from './anchor-check.js';
import { followLogKeys, type LogKeyLink, type LogKeySchedule } from './log-keys.js';
import type { ProofCrypto } from './proof-crypto.js';
import { type About, InconsistentError, type Outcome, type Verification } from './verification.js';
import { countWitnesses, formatWitnesses, type WitnessPolicy } from './witness-policy.js';

/** What a verifier knows of the log, and what it demands of a document. The same for every kind of document. */
export interface LogTrust extends AnchorTrust {
  crypto: ProofCrypto;
  /** The verifier key of the log as the verifier knows it. Without it the document's own is taken, and the report says so. */
  log?: string;
  /** Fails unless `log` is given. */
  requirePinned?: boolean;
  /** Signed checkpoints of the log that the document must continue, where it can show that. */
  knownCheckpoints?: readonly string[];
  /** As above; but that the document is older than one of them is no fault of it. */
  lastSeen?: readonly string[];
  /** Fails unless enough of these witnesses cosigned the document's head. */
  witnesses?: WitnessPolicy;
}

/** The document's head: as many leaves as the log had, and their root. */
export interface Head {
  size: number;
  root: Uint8Array;
}

/** What a document says of its log. */
export interface LogClaim {
  log: { origin: string; vkey: string };
  keys: readonly LogKeyLink[];
}

/** The checks that every document shares: who the log is, that it signed the head, and who else stands for that head. */
export class LogHeadCheck {
  private keys: LogKeySchedule;
  private name: string;

  constructor(
    private readonly verification: Verification,
    private readonly trust: LogTrust,
  ) {}

  get origin(): string {
    return this.name;
  }

  /** The step `log-key`. The head is the one that the document's links lead into; nothing of it is trusted yet. */
  async logKey({ log, keys }: LogClaim, head: Head): Promise<void> {
    const { crypto, log: pin, requirePinned } = this.trust;
    await this.verification.check('log-key', {}, async () => {
      const first = parseVkey(crypto.sha256, log.vkey);
      if (first.name !== log.origin) throw new FormatError(`the key belongs to ${first.name}, not to ${log.origin}`);
      if (pin !== undefined && pin !== log.vkey && !keys.some(({ vkey }) => vkey === pin)) {
        throw new FormatError(`the file names the log key ${log.vkey}, but ${pin} is expected`);
      }
      this.keys = await followLogKeys(crypto, pin ?? log.vkey, keys, head);
      this.name = log.origin;
      const followed = this.keys.keys.length - 1;
      const later = followed > 0 ? `, and the ${followed} key(s) that it handed over to` : '';
      if (pin === undefined) {
        const detail = `taken from the file itself, so only as good as its source: ${log.vkey}${later}`;
        return { detail, open: true, ...(requirePinned ? { unmet: 'not-pinned' } : {}) } as Outcome;
      }
      this.verification.pinned = true;
      return `the expected log ${log.origin}${later}`;
    });
  }

  /** The head that the log signed in this note. @throws FormatError, NoteSignatureError */
  async signedHead(note: string, what = 'the checkpoint'): Promise<Head> {
    const { origin, size, root } = parseCheckpoint(parseNote(note).text);
    if (origin !== this.origin) throw new FormatError(`${what} is that of the log ${origin}`);
    await verifyNote(note, [this.keys.keyFor(size)], this.trust.crypto.ed25519Verify);
    return { size, root };
  }

  /** The step `checkpoint`. */
  async checkpoint(note: string, about: About): Promise<Head> {
    const head = await this.verification.attempt('checkpoint', about, () => this.signedHead(note));
    this.verification.head = { origin: this.origin, size: head.size, note };
    await this.verification.check('checkpoint', about, () => {
      return `the log signed ${toHex(head.root)} at ${head.size} entries`;
    });
    return head;
  }

  /** The step `witnesses`. */
  async witnesses(note: string, about: About): Promise<void> {
    const { crypto, witnesses: policy } = this.trust;
    await this.verification.check('witnesses', about, async () => {
      if (!policy) {
        const others = parseNote(note).signatures.filter(({ name }) => name !== this.name).length;
        return { detail: `not checked: no witness is named; ${others} other signature(s) are there`, open: true };
      }
      const counted = await countWitnesses(crypto, note, policy);
      this.verification.witnesses = counted.count;
      const detail = formatWitnesses(counted, policy);
      return counted.met ? detail : { detail, unmet: 'too-few-witnesses' };
    });
  }

  /** The step `anchor`. */
  async anchor(claim: AnchorClaim, head: Head, about: About): Promise<void> {
    await this.verification.check('anchor', about, async () => {
      const checked = await checkAnchor(this.trust, this.origin, claim, head);
      this.verification.anchored = checked.anchored;
      this.verification.independentTrust = claim.anchor?.independentTrust ?? false;
      this.verification.anchorProven = checked.proven;
      return checked.outcome;
    });
  }

  /**
   * The step `consistency` of a document that has one head alone: one of the same size must be the same. Whether a smaller
   * one is its beginning takes a proof that the document does not have.
   */
  async consistency(head: Head, about: About): Promise<void> {
    await this.verification.check('consistency', about, async () => {
      const { knownCheckpoints = [], lastSeen = [] } = this.trust;
      const notes = [...knownCheckpoints, ...lastSeen];
      if (notes.length === 0) return { detail: 'not checked: nothing was seen of this log before', open: true };
      const sizes = notes.map((note) => this.claimedSize(note));
      const same = notes.filter((_, at) => sizes[at] === head.size);
      for (const note of same) {
        const { root } = await this.known(note);
        if (equalBytes(root, head.root)) continue;
        throw new InconsistentError(`the log signed another head of ${head.size} entries before: ${toHex(root)}`);
      }
      this.verification.continues = same;
      if (same.length > 0) return `the same head of ${head.size} entries was seen before`;
      const detail = `not checked: heads of ${sizes.join(', ')} entries were seen, and this is one of ${head.size}`;
      return { detail, open: true };
    });
  }

  /** @throws FormatError when the note is not even said to be one of this log */
  private claimedSize(note: string): number {
    const { origin, size } = parseCheckpoint(parseNote(note).text);
    if (origin !== this.origin) throw new FormatError(`the checkpoint kept from earlier is that of the log ${origin}`);
    return size;
  }

  /** The head that a note tells of, signed or not. @throws FormatError */
  static claimedHead(note: string): Head {
    const { size, root } = parseCheckpoint(parseNote(note).text);
    return { size, root };
  }

  /** The head of a checkpoint kept from earlier. @throws FormatError */
  async known(note: string): Promise<Head> {
    try {
      return await this.signedHead(note, 'the checkpoint kept from earlier');
    } catch (cause) {
      const why = cause instanceof FormatError || cause instanceof NoteSignatureError ? cause.message : 'unreadable';
      throw new FormatError(`the checkpoint kept from earlier is none of this log: ${why}`, { cause });
    }
  }
}
