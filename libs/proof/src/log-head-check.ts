import {
  equalBytes,
  FormatError,
  type NoteKey,
  NoteSignatureError,
  parseCheckpoint,
  parseNote,
  parseVkey,
  toHex,
  verifyNote,
} from '#merkle';
import type { AnchorPromise } from './anchor-promise.js';
import type { AnchorProof } from './anchor-proof.js';
import { type AnchorRecord, describeAnchor } from './anchor-record.js';
import type { LogKeyLink } from './log-keys.js';
import type { ProofCrypto } from './proof-crypto.js';
import { type About, InconsistentError, type Outcome, type Verification } from './verification.js';
import { countWitnesses, formatWitnesses, type WitnessPolicy } from './witness-policy.js';

/** What a verifier knows of the log, and what it demands of a document. The same for every kind of document. */
export interface LogTrust {
  crypto: ProofCrypto;
  /** The verifier key of the log as the verifier knows it. Without it the document's own is taken, and the report says so. */
  log?: string;
  /** Fails unless `log` is given. */
  requirePinned?: boolean;
  /** Signed checkpoints of the log that the verifier kept from earlier. */
  knownCheckpoints?: readonly string[];
  /** Fails unless enough of these witnesses cosigned the document's head. */
  witnesses?: WitnessPolicy;
  /** Fails unless the document's head is anchored. */
  requireAnchor?: boolean;
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

export interface AnchorClaim {
  anchor: AnchorRecord | null;
  anchorPromise: AnchorPromise | null;
  anchorProof: AnchorProof | null;
}

/** The checks that every document shares: who the log is, that it signed the head, and who else stands for that head. */
export class LogHeadCheck {
  private key: NoteKey;

  constructor(
    private readonly verification: Verification,
    private readonly trust: LogTrust,
  ) {}

  get origin(): string {
    return this.key.name;
  }

  /** The step `log-key`. */
  async logKey({ log, keys }: LogClaim): Promise<void> {
    const { crypto, log: pin, requirePinned } = this.trust;
    await this.verification.check('log-key', {}, () => {
      const key = parseVkey(crypto.sha256, log.vkey);
      if (key.name !== log.origin) throw new FormatError(`the key belongs to ${key.name}, not to ${log.origin}`);
      if (keys.length > 0) throw new FormatError('the log has further keys, and this verifier cannot follow them');
      this.key = key;
      if (pin === undefined) {
        const detail = `taken from the file itself, so only as good as its source: ${log.vkey}`;
        return { detail, open: true, ...(requirePinned ? { unmet: 'not-pinned' } : {}) } as Outcome;
      }
      if (pin !== log.vkey) throw new FormatError(`the file names the log key ${log.vkey}, but ${pin} is expected`);
      this.verification.pinned = true;
      return `the expected log ${log.origin}`;
    });
  }

  /** The head that the log signed in this note. @throws FormatError, NoteSignatureError */
  async signedHead(note: string, what = 'the checkpoint'): Promise<Head> {
    const { text } = await verifyNote(note, [this.key], this.trust.crypto.ed25519Verify);
    const { origin, size, root } = parseCheckpoint(text);
    if (origin !== this.origin) throw new FormatError(`${what} is that of the log ${origin}`);
    return { size, root };
  }

  /** The step `checkpoint`. */
  async checkpoint(note: string, about: About): Promise<Head> {
    const head = await this.verification.attempt('checkpoint', about, () => this.signedHead(note));
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
        const others = parseNote(note).signatures.filter(({ keyId }) => keyId !== this.key.keyId).length;
        return { detail: `not checked: no witness is named; ${others} other signature(s) are there`, open: true };
      }
      const counted = await countWitnesses(crypto, note, policy);
      this.verification.witnesses = counted.count;
      const detail = formatWitnesses(counted, policy);
      return counted.met ? detail : { detail, unmet: 'too-few-witnesses' };
    });
  }

  /** The step `anchor`. */
  async anchor({ anchor, anchorPromise, anchorProof }: AnchorClaim, head: Head, about: About): Promise<void> {
    await this.verification.check('anchor', about, () => {
      if (anchorPromise || anchorProof) throw new FormatError('this verifier cannot check the proof of the anchor');
      if (anchor === null) {
        const detail = 'pending: no anchor is there yet';
        return { detail, open: true, ...(this.trust.requireAnchor ? { unmet: 'anchor-not-proven' } : {}) } as Outcome;
      }
      if (anchor.size !== head.size || anchor.root !== toHex(head.root)) {
        throw new FormatError('the anchor is of another head than the checkpoint');
      }
      this.verification.anchored = true;
      this.verification.independentTrust = anchor.independentTrust;
      return describeAnchor(anchor);
    });
  }

  /**
   * The step `consistency` of a document that has one head alone: one of the same size must be the same. Whether a smaller
   * one is its beginning takes a proof that the document does not have.
   */
  async consistency(head: Head, about: About): Promise<void> {
    await this.verification.check('consistency', about, async () => {
      const known = await Promise.all((this.trust.knownCheckpoints ?? []).map((note) => this.known(note)));
      if (known.length === 0) return { detail: 'not checked: nothing was seen of this log before', open: true };
      const same = known.find(({ size }) => size === head.size);
      if (same && !equalBytes(same.root, head.root)) {
        throw new InconsistentError(`the log signed another head of ${head.size} entries before: ${toHex(same.root)}`);
      }
      if (same) return `the same head of ${head.size} entries was seen before`;
      const sizes = known.map(({ size }) => size).join(', ');
      const detail = `not checked: heads of ${sizes} entries were seen, and this is one of ${head.size}`;
      return { detail, open: true };
    });
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
