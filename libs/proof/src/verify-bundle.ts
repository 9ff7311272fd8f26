import { equalBytes, FormatError, fromBase64, fromHex, TreeAppender, TreeHasher, toHex } from '#merkle';
import { checkAnchor } from './anchor-check.js';
import { type AnchorRecord, describeAnchor } from './anchor-record.js';
import { BundleEntriesCheck, type BundleEntriesOptions, type Vouchers } from './bundle-entries-check.js';
import {
  type BundleAnchor,
  type BundleCheckpoint,
  type BundleHeader,
  type BundleLeaf,
  type BundleLine,
  type BundleTrailer,
  firstDigest,
  nextDigest,
  type OpenedEntry,
} from './bundle-format.js';
import { linesOf, MAX_LINE_BYTES } from './bundle-lines.js';
import { type Head, LogHeadCheck, type LogTrust } from './log-head-check.js';
import { parseBundleLine } from './parse-bundle-line.js';
import { type About, InconsistentError, Verification, type VerificationReport } from './verification.js';

export interface VerifyBundleOptions extends BundleEntriesOptions, LogTrust {}

export interface BundleReport extends VerificationReport, Vouchers {
  tenant: string | null;
  leaves: number;
  entries: number;
  /** Whether the tenant's list was proven complete, which takes its view key. */
  complete: boolean;
}

/** A size at which the recomputed tree must have a certain root, and who says so. */
interface Milestone extends Head {
  source: string;
  /** Kept from earlier: another root is not a damaged bundle but another history. */
  kept: boolean;
}

/** More heads than any bundle has; they are held until the leaves come. */
const MAX_CHECKPOINTS = 10_000;
const MAX_CHECKPOINT_CHARACTERS = 32 << 20;
/** Leaves are hashed into the tree so many at a time. */
const TREE_BATCH = 256;

/**
 * Verifies a bundle as a stream of bytes, in memory that does not grow with the bodies: recomputes every leaf and the tree,
 * and holds it against each checkpoint, each anchor and the tenant's chain. Never throws: the report names the first entry
 * that is wrong.
 */
export async function verifyBundle(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: VerifyBundleOptions,
): Promise<BundleReport> {
  const verification = new Verification();
  const verifier = new BundleVerifier(verification, options);
  const report = await verification.report(async () => {
    try {
      for await (const lines of linesOf(chunks)) {
        for (const line of lines) {
          const later = verifier.line(line);
          if (later) await later;
        }
      }
      await verifier.end();
    } catch (error) {
      throw await verifier.first(error);
    }
  });
  return { ...report, ...verifier.summary(report.ok) };
}

class BundleVerifier {
  private readonly hasher: TreeHasher;
  private readonly tree: TreeAppender;
  /** Leaf hashes that are not in the tree yet. */
  private pending: Uint8Array[] = [];
  private digest: Uint8Array;
  private lineNumber = 0;
  private header: BundleHeader | null = null;
  private readonly log: LogHeadCheck;
  private own: BundleEntriesCheck | null = null;
  private readonly notes: string[] = [];
  private noteCharacters = 0;
  private readonly checkpoints: Head[] = [];
  private readonly anchors: { anchor: AnchorRecord; proven: boolean }[] = [];
  private milestones: Milestone[] | null = null;
  private headsChecked = false;
  /** The size of a head kept from earlier that the bundle does not reach. */
  private newer = 0;
  private ended = false;
  private complete = false;

  constructor(
    private readonly verification: Verification,
    private readonly options: VerifyBundleOptions,
  ) {
    this.hasher = new TreeHasher(options.crypto.sha256);
    this.tree = TreeAppender.empty(this.hasher);
    this.log = new LogHeadCheck(verification, options);
  }

  /** @returns null, or what to wait for before the next line */
  line(bytes: Uint8Array): Promise<void> | null {
    this.lineNumber++;
    const line = this.parsed(bytes);
    if (line.type === 'freehold-bundle') this.digest = firstDigest(this.options.crypto, line.v);
    const digest = this.digest;
    this.digest = nextDigest(this.options.crypto, digest, bytes);
    if (line.type === 'leaf' && this.milestones) return this.onLeaf(line);
    return this.onOther(line, digest);
  }

  private async onOther(line: BundleLine, digest: Uint8Array): Promise<void> {
    if (line.type === 'freehold-bundle') return this.onHeader(line);
    if (line.type === 'checkpoint') return this.onCheckpoint(line);
    await this.heads();
    if (line.type === 'anchor') return this.onAnchor(line);
    if (!this.milestones) await this.closeHeads();
    if (line.type === 'leaf') await this.onLeaf(line);
    else await this.onTrailer(line, digest);
  }

  /** To be called after the last line. */
  async end(): Promise<void> {
    await this.verification.attempt('format', {}, () => {
      if (!this.ended) throw new FormatError('the bundle has no trailer: it was cut off');
    });
  }

  /** Signed requests are checked behind the rest: of what failed, the one that comes first in the log. */
  async first(error: unknown): Promise<unknown> {
    const failed = await this.own?.finish().catch(() => null);
    if (!failed) return error;
    return this.verification
      .attempt('actor', failed, () => {
        throw new FormatError(failed.detail);
      })
      .catch((earlier: unknown) => earlier);
  }

  summary(ok: boolean) {
    const none = { signed: 0, signedAfterRevocation: 0, evidenceErased: 0, custodial: 0, erased: 0 };
    return {
      tenant: this.header?.tenant ?? null,
      leaves: this.leaves,
      entries: this.own?.chain.entries ?? 0,
      ...(ok && this.own ? this.own.vouchers : none),
      complete: ok && this.complete,
    };
  }

  /** Leaves that were read so far. */
  private get leaves(): number {
    return this.tree.size + this.pending.length;
  }

  private parsed(bytes: Uint8Array): BundleLine {
    const where = `line ${this.lineNumber}`;
    try {
      if (this.ended) throw new FormatError('the bundle goes on after its trailer');
      const line = parseBundleLine(bytes, this.header?.v ?? null);
      const rank = { 'freehold-bundle': 0, checkpoint: 1, anchor: 2, leaf: 3, trailer: 4 }[line.type];
      const at = this.header === null ? 0 : this.milestones ? 3 : this.anchors.length > 0 ? 2 : 1;
      if (rank < at || (at === 0) !== (rank === 0)) throw new FormatError(`a ${line.type} may not stand here`);
      return line;
    } catch (error) {
      const about = this.milestones ? { index: this.leaves, ...entryIdIn(bytes) } : {};
      return this.verification.attemptNow('format', about, () => {
        throw new FormatError(`${where}: ${error instanceof Error ? error.message : 'it cannot be read'}`);
      });
    }
  }

  private async onHeader(header: BundleHeader): Promise<void> {
    this.header = header;
    this.own = await this.verification.attempt('format', {}, () => new BundleEntriesCheck(this.options, header));
  }

  private async onCheckpoint({ note }: BundleCheckpoint): Promise<void> {
    await this.verification.attempt('checkpoint', {}, () => {
      const head = LogHeadCheck.claimedHead(note);
      if (head.size <= (this.checkpoints.at(-1)?.size ?? 0) || head.size > this.header!.size) {
        throw new FormatError(`the checkpoint of ${head.size} entries is out of order`);
      }
      this.noteCharacters += note.length;
      if (this.notes.length === MAX_CHECKPOINTS || this.noteCharacters > MAX_CHECKPOINT_CHARACTERS) {
        throw new FormatError('there are too many checkpoints');
      }
      this.checkpoints.push(head);
      this.notes.push(note);
    });
  }

  /** The steps `log-key` and `checkpoints`, once all of them are known: the log's keys lead into the last one's tree. */
  private async heads(): Promise<void> {
    if (this.headsChecked) return;
    this.headsChecked = true;
    const { size, keys } = this.header!;
    const last = this.checkpoints.at(-1);
    await this.log.logKey({ log: logOf(this.header!), keys }, last ?? { size: 0, root: this.hasher.emptyRoot });
    for (const note of this.notes) await this.verification.attempt('checkpoint', {}, () => this.log.signedHead(note));
    await this.verification.check('checkpoints', {}, () => {
      if (last?.size !== size) throw new FormatError(`no checkpoint covers the ${size} leaves`);
      this.verification.head = { origin: this.log.origin, size, note: this.notes.at(-1)! };
      return `the log signed ${this.checkpoints.length} head(s), the last of ${size} entries`;
    });
  }

  private async onAnchor({ anchor, proof }: BundleAnchor): Promise<void> {
    await this.verification.attempt('anchor', {}, async () => {
      const checkpoint = this.checkpoints.find((one) => one.size === anchor.size);
      if (!checkpoint) throw new FormatError(`the anchor at ${anchor.size} entries has no checkpoint`);
      if (anchor.size <= (this.anchors.at(-1)?.anchor.size ?? 0)) {
        throw new FormatError(`the anchor at ${anchor.size} entries is out of order`);
      }
      const { anchorBlock, validators, anchorContract } = this.options;
      // A verifier that knows one block holds against it the anchor that was proven in it, and not all the others.
      const pins = {
        validators,
        anchorContract,
        ...(proof?.blockHash === anchorBlock?.toLowerCase() ? { anchorBlock } : {}),
      };
      const claim = { anchor, anchorProof: proof, anchorPromise: null };
      const { proven } = await checkAnchor(pins, this.log.origin, claim, checkpoint);
      this.anchors.push({ anchor, proven });
    });
  }

  /** Before the first leaf: at which sizes the tree is held against which roots. */
  private async closeHeads(): Promise<void> {
    const { knownCheckpoints = [], lastSeen = [] } = this.options;
    const { size } = this.header!;
    const kept: Milestone[] = [];
    await this.verification.attempt('consistency', {}, async () => {
      for (const note of [...knownCheckpoints, ...lastSeen]) {
        const claimed = LogHeadCheck.claimedHead(note);
        const source = `the checkpoint kept from earlier of ${claimed.size} entries`;
        if (claimed.size <= size) {
          kept.push({ ...(await this.log.known(note)), source, kept: true });
          this.verification.continues.push(note);
        } else if (lastSeen.includes(note)) this.newer = claimed.size;
        else throw new FormatError(`${source} is newer than the bundle of ${size}`);
      }
    });
    const own = this.checkpoints.map((head) => {
      return { ...head, source: `the checkpoint of ${head.size} entries`, kept: false };
    });
    this.milestones = [...own, ...kept.filter((one) => one.size > 0)].sort((a, b) => a.size - b.size);
  }

  private onLeaf({ index, hash, leaf, entry }: BundleLeaf): Promise<void> | null {
    const at = this.leaves;
    const about: About = entry ? { entryId: entry.id, index: at } : { index: at };
    const body = this.verification.attemptNow('leaf', about, () => {
      if (index !== at) throw new FormatError(`leaf ${index} stands where leaf ${at} is due`);
      if (index >= this.header!.size) throw new FormatError('there are more leaves than the header says');
      const bytes = fromBase64(leaf);
      const claimed = fromHex(hash);
      if (!equalBytes(this.hasher.leaf(bytes), claimed)) {
        throw new FormatError('the leaf does not hash to what the tree has: it was changed');
      }
      const opened = this.own!.leaf(at, bytes, hash, entry);
      this.pending.push(claimed);
      return opened;
    });
    const later =
      body &&
      this.verification.attemptNow('actor', about, () => {
        return this.own!.actor(at, entry as OpenedEntry, body);
      });
    const due = this.milestones![0]?.size === this.leaves;
    if (due || this.pending.length === TREE_BATCH) this.grow(about);
    return later && this.verification.attempt('actor', about, () => later);
  }

  /** Takes the leaves that were read into the tree, and holds it against the heads of that size. */
  private grow(about: About): void {
    this.tree.append(this.pending);
    this.pending = [];
    const milestones = this.milestones!;
    while (milestones[0]?.size === this.tree.size) {
      const { root, source, kept } = milestones.shift()!;
      this.verification.attemptNow(kept ? 'consistency' : 'tree', about, () => {
        if (equalBytes(this.tree.root(), root)) return;
        const why = `the leaves up to this one do not hash to ${source}`;
        throw kept ? new InconsistentError(why) : new FormatError(why);
      });
    }
  }

  private async onTrailer(trailer: BundleTrailer, digest: Uint8Array): Promise<void> {
    const header = this.header!;
    const own = this.own!;
    this.grow({});
    await this.verification.check('tree', {}, () => {
      if (this.tree.size !== header.size)
        throw new FormatError(`${header.size} leaves are due, ${this.tree.size} are there`);
      return `all ${this.tree.size} leaves hash to every signed head, so each head continues the one before`;
    });
    await this.verification.check('chain', {}, () => {
      const { entries } = own.chain;
      if (entries !== header.entries) {
        throw new FormatError(`${header.entries} entries of ${header.tenant} are due, ${entries} are there`);
      }
      return own.describeChain(header.tenant);
    });
    await this.checkCompleteness();
    await this.checkActors();
    await this.log.witnesses(this.notes.at(-1)!, {});
    await this.checkAnchors();
    await this.checkConsistency();
    await this.verification.check('trailer', {}, () => {
      const agrees =
        trailer.checkpoints === this.checkpoints.length &&
        trailer.anchors === this.anchors.length &&
        trailer.leaves === this.tree.size &&
        trailer.entries === own.chain.entries;
      if (!agrees) throw new FormatError('the counts of the trailer are not those of the bundle');
      if (trailer.digest !== toHex(digest)) throw new FormatError('a line was changed since the bundle was written');
      return 'nothing is missing and nothing was changed since it was written';
    });
    this.ended = true;
  }

  private async checkCompleteness(): Promise<void> {
    const { chain } = this.own!;
    if (!this.options.viewKey) {
      await this.verification.check('completeness', {}, () => {
        return { detail: "not checked: that takes the tenant's view key", open: true };
      });
      return;
    }
    const leftOut = chain.leftOut();
    await this.verification.check('completeness', leftOut ? { index: leftOut.index } : {}, () => {
      if (leftOut)
        throw new FormatError(`this is the tenant's entry number ${leftOut.seq}, and the bundle leaves it out`);
      return 'no other leaf carries a tag of the tenant, of these numbers or of a later one: the list is complete';
    });
    this.complete = true;
  }

  private async checkActors(): Promise<void> {
    const failed = await this.verification.attempt('actor', {}, () => this.own!.finish());
    const about: About = failed ? { entryId: failed.entryId, index: failed.index } : {};
    await this.verification.check('actor', about, () => {
      if (failed) throw new FormatError(failed.detail);
      return this.own!.describeActors(this.options.rootPublicKey !== undefined);
    });
  }

  private async checkAnchors(): Promise<void> {
    const { requireAnchor, anchorBlock, validators } = this.options;
    const demandsProof = anchorBlock !== undefined || validators !== undefined;
    const last = this.anchors.at(-1);
    const proven = this.anchors.findLast((one) => one.proven);
    const { size } = this.header!;
    await this.verification.check('anchor', {}, () => {
      this.verification.anchored = last?.anchor.size === size;
      this.verification.independentTrust = last?.anchor.independentTrust ?? false;
      this.verification.anchorProven = proven?.anchor.size === size;
      const met = demandsProof ? this.verification.anchorProven : this.verification.anchored;
      const unmet = requireAnchor && !met ? ({ unmet: 'anchor-not-proven' } as const) : {};
      if (!last) return { detail: 'pending: no anchor in this bundle', open: true, ...unmet };
      const parts = [describeAnchor(last.anchor)];
      if (last.anchor.size < size) parts.push(`the last ${size - last.anchor.size} entries are not anchored yet`);
      if (proven) parts.push(`proven for the first ${proven.anchor.size} entries by what you know of the chain`);
      else if (demandsProof) parts.push('nothing here proves it by what you know of the chain');
      return { detail: parts.join('; '), open: !met, ...unmet };
    });
  }

  private async checkConsistency(): Promise<void> {
    const { newer } = this;
    const continued = this.verification.continues.length;
    await this.verification.check('consistency', {}, () => {
      if (newer > 0) {
        return {
          detail: `not checked: a head of ${newer} entries was seen, and the bundle ends before it`,
          open: true,
        };
      }
      if (continued === 0) return { detail: 'not checked: nothing was seen of this log before', open: true };
      return `the tree continues the ${continued} head(s) that were seen before`;
    });
  }
}

function logOf({ origin, vkey }: BundleHeader): { origin: string; vkey: string } {
  return { origin, vkey };
}

/** The id that a line that cannot be parsed seems to be about: enough to name it. */
function entryIdIn(bytes: Uint8Array): { entryId?: string } {
  const match = /"id":"(led-[0-9a-f]{17})"/.exec(new TextDecoder().decode(bytes.subarray(0, MAX_LINE_BYTES)));
  return match ? { entryId: match[1] } : {};
}
