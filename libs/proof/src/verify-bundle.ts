import { concatBytes, equalBytes, FormatError, fromBase64, fromHex, TreeAppender, TreeHasher, toHex } from '#merkle';
import { type AnchorRecord, describeAnchor } from './anchor-record.js';
import {
  type BundleAnchor,
  type BundleCheckpoint,
  type BundleHeader,
  type BundleLeaf,
  type BundleLine,
  type BundleTrailer,
  type BundleVersion,
  firstDigest,
  MAX_LINE_BYTES,
  nextDigest,
  parseBundleLine,
} from './bundle-format.js';
import { LogHeadCheck, type LogTrust } from './log-head-check.js';
import { TenantChainCheck, type TenantPins } from './tenant-chain-check.js';
import { InconsistentError, Verification, type VerificationReport } from './verification.js';

export interface VerifyBundleOptions extends TenantPins, LogTrust {}

export interface BundleReport extends VerificationReport {
  tenant: string | null;
  leaves: number;
  entries: number;
  /** Whether the tenant's list was proven complete, which takes its view key. */
  complete: boolean;
}

/** A size at which the recomputed tree must have a certain root, and who says so. */
interface Milestone {
  size: number;
  root: Uint8Array;
  source: string;
  /** Kept from earlier: another root is not a damaged bundle but another history. */
  kept: boolean;
}

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
    for await (const line of linesOf(chunks)) await verifier.line(line);
    await verifier.end();
  });
  return { ...report, ...verifier.summary(report.ok) };
}

async function* linesOf(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      yield requireLine(concatBytes(rest, chunk.subarray(start, end)));
      rest = new Uint8Array(0);
      start = end + 1;
    }
    rest = requireLine(concatBytes(rest, chunk.subarray(start)));
  }
  if (rest.length > 0) throw new FormatError('the last line has no newline: the bundle was cut off');
}

function requireLine(line: Uint8Array): Uint8Array {
  if (line.length > MAX_LINE_BYTES) throw new FormatError(`a line is longer than ${MAX_LINE_BYTES} bytes`);
  return line;
}

class BundleVerifier {
  private readonly hasher: TreeHasher;
  private readonly tree: TreeAppender;
  private digest: Uint8Array;
  private lineNumber = 0;
  private header: BundleHeader | null = null;
  private readonly log: LogHeadCheck;
  private chain: TenantChainCheck | null = null;
  private readonly checkpoints: Milestone[] = [];
  private readonly anchors: AnchorRecord[] = [];
  private milestones: Milestone[] | null = null;
  private ended = false;
  private complete = false;

  constructor(
    private readonly verification: Verification,
    private readonly options: VerifyBundleOptions,
  ) {
    this.hasher = new TreeHasher(options.crypto.sha256);
    this.tree = TreeAppender.empty(this.hasher);
    this.digest = firstDigest(options.crypto, 1);
    this.log = new LogHeadCheck(verification, options);
  }

  async line(bytes: Uint8Array): Promise<void> {
    this.lineNumber++;
    const line = await this.parsed(bytes);
    if (line.type === 'freehold-bundle') await this.onHeader(line);
    else if (line.type === 'checkpoint') await this.onCheckpoint(line);
    else if (line.type === 'anchor') await this.onAnchor(line);
    else if (line.type === 'leaf') await this.onLeaf(line);
    else await this.onTrailer(line);
    this.digest = nextDigest(this.options.crypto, this.digest, bytes);
  }

  /** To be called after the last line. */
  async end(): Promise<void> {
    await this.verification.attempt('format', {}, () => {
      if (!this.ended) throw new FormatError('the bundle has no trailer: it was cut off');
    });
  }

  summary(ok: boolean) {
    return {
      tenant: this.header?.tenant ?? null,
      leaves: this.tree.size,
      entries: this.chain?.entries ?? 0,
      complete: ok && this.complete,
    };
  }

  private async parsed(bytes: Uint8Array): Promise<BundleLine> {
    try {
      return this.parse(bytes);
    } catch (error) {
      const about = this.milestones ? { index: this.tree.size, ...entryIdIn(bytes) } : {};
      return this.verification.attempt('format', about, () => {
        throw error;
      });
    }
  }

  private parse(bytes: Uint8Array): BundleLine {
    const where = `line ${this.lineNumber}`;
    if (this.ended) throw new FormatError(`${where}: the bundle goes on after its trailer`);
    try {
      const line = parseBundleLine(bytes, this.version);
      const rank = { 'freehold-bundle': 0, checkpoint: 1, anchor: 2, leaf: 3, trailer: 4 }[line.type];
      const at = this.header === null ? 0 : this.milestones ? 3 : this.anchors.length > 0 ? 2 : 1;
      if (rank < at || (at === 0) !== (rank === 0)) throw new FormatError(`a ${line.type} may not stand here`);
      return line;
    } catch (error) {
      throw new FormatError(`${where}: ${error instanceof Error ? error.message : 'it cannot be read'}`);
    }
  }

  private get version(): BundleVersion | null {
    return this.header?.v ?? null;
  }

  private async onHeader(header: BundleHeader): Promise<void> {
    const { crypto, viewKey, rootPublicKey } = this.options;
    this.digest = firstDigest(crypto, header.v);
    await this.log.logKey({ log: header, keys: header.keys });
    this.header = header;
    this.chain = await this.verification.attempt('format', {}, () => {
      return new TenantChainCheck(crypto, header.origin, header.tenant, { viewKey, rootPublicKey });
    });
  }

  private async onCheckpoint({ note }: BundleCheckpoint): Promise<void> {
    await this.verification.attempt('checkpoint', {}, async () => {
      const head = await this.log.signedHead(note);
      const milestone = { ...head, source: `the checkpoint of ${head.size} entries`, kept: false };
      if (milestone.size <= (this.checkpoints.at(-1)?.size ?? 0) || milestone.size > this.header!.size) {
        throw new FormatError(`the checkpoint of ${milestone.size} entries is out of order`);
      }
      this.checkpoints.push(milestone);
    });
  }

  private async onAnchor({ anchor, proof }: BundleAnchor): Promise<void> {
    await this.verification.attempt('anchor', {}, () => {
      if (proof) throw new FormatError('this verifier cannot check the proof of the anchor');
      const checkpoint = this.checkpoints.find((one) => one.size === anchor.size);
      if (!checkpoint) throw new FormatError(`the anchor at ${anchor.size} entries has no checkpoint`);
      if (toHex(checkpoint.root) !== anchor.root) {
        throw new FormatError(`the anchor at ${anchor.size} entries is of another head than the log signed`);
      }
      if (anchor.size <= (this.anchors.at(-1)?.size ?? 0)) {
        throw new FormatError(`the anchor at ${anchor.size} entries is out of order`);
      }
      this.anchors.push(anchor);
    });
  }

  /** Once all heads are known: which sizes to hold the tree against. */
  private async heads(): Promise<Milestone[]> {
    if (this.milestones) return this.milestones;
    const { size } = this.header!;
    await this.verification.check('checkpoints', {}, () => {
      if (this.checkpoints.at(-1)?.size !== size) throw new FormatError(`no checkpoint covers the ${size} leaves`);
      return `the log signed ${this.checkpoints.length} head(s), the last of ${size} entries`;
    });
    const known = this.options.knownCheckpoints ?? [];
    const kept: Milestone[] = [];
    for (const note of known) {
      await this.verification.attempt('known-checkpoint', {}, async () => {
        const head = await this.log.known(note);
        const source = `the checkpoint kept from earlier of ${head.size} entries`;
        if (head.size > size) throw new FormatError(`${source} is newer than the bundle of ${size}`);
        kept.push({ ...head, source, kept: true });
      });
    }
    const empty = kept.filter((one) => one.size > 0);
    this.milestones = [...this.checkpoints, ...empty].sort((a, b) => a.size - b.size);
    return this.milestones;
  }

  private async onLeaf({ index, hash, leaf, entry }: BundleLeaf): Promise<void> {
    const milestones = await this.heads();
    const about = entry ? { entryId: entry.id, index: this.tree.size } : { index: this.tree.size };
    await this.verification.attempt('leaf', about, () => {
      if (index !== this.tree.size) throw new FormatError(`leaf ${index} stands where leaf ${this.tree.size} is due`);
      if (index >= this.header!.size) throw new FormatError('there are more leaves than the header says');
      const bytes = fromBase64(leaf);
      if (!equalBytes(this.hasher.leaf(bytes), fromHex(hash))) {
        throw new FormatError('the leaf does not hash to what the tree has: it was changed');
      }
      if (!entry) this.chain!.foreign(bytes);
      else if ('erased' in entry) this.chain!.erased(bytes, hash, entry);
      else this.chain!.own(bytes, hash, entry);
    });
    this.tree.append([fromHex(hash)]);
    while (milestones[0]?.size === this.tree.size) await this.holdAgainst(milestones.shift()!, about);
  }

  private async holdAgainst(milestone: Milestone, about: { index: number; entryId?: string }): Promise<void> {
    await this.verification.attempt('tree', about, () => {
      if (equalBytes(this.tree.root(), milestone.root)) return;
      const why = `the leaves up to this one do not hash to ${milestone.source}`;
      throw milestone.kept ? new InconsistentError(why) : new FormatError(why);
    });
  }

  private async onTrailer(trailer: BundleTrailer): Promise<void> {
    await this.heads();
    const header = this.header!;
    const chain = this.chain!;
    await this.verification.check('tree', {}, () => {
      if (this.tree.size !== header.size)
        throw new FormatError(`${header.size} leaves are due, ${this.tree.size} are there`);
      return `all ${this.tree.size} leaves hash to every signed head, so each head continues the one before`;
    });
    await this.verification.check('chain', {}, () => {
      if (chain.entries !== header.entries) {
        throw new FormatError(`${header.entries} entries of ${header.tenant} are due, ${chain.entries} are there`);
      }
      return `entries 1 to ${chain.entries} of ${header.tenant} each open their leaf and continue the one before`;
    });
    await this.checkCompleteness();
    await this.checkAnchors();
    await this.verification.check('trailer', {}, () => {
      const counted = { checkpoints: this.checkpoints.length, anchors: this.anchors.length, entries: chain.entries };
      const agrees =
        trailer.checkpoints === counted.checkpoints &&
        trailer.anchors === counted.anchors &&
        trailer.leaves === this.tree.size &&
        trailer.entries === counted.entries;
      if (!agrees) throw new FormatError('the counts of the trailer are not those of the bundle');
      if (trailer.digest !== toHex(this.digest))
        throw new FormatError('a line was changed since the bundle was written');
      return 'nothing is missing and nothing was changed since it was written';
    });
    this.ended = true;
  }

  private async checkCompleteness(): Promise<void> {
    if (!this.options.viewKey) {
      await this.verification.check('completeness', {}, () => {
        return { detail: "not checked: that takes the tenant's view key", open: true };
      });
      return;
    }
    const leftOut = this.chain!.leftOut();
    await this.verification.check('completeness', leftOut ? { index: leftOut.index } : {}, () => {
      if (leftOut)
        throw new FormatError(`this is the tenant's entry number ${leftOut.seq}, and the bundle leaves it out`);
      return `no other leaf carries a tag of the tenant, nor that of a number ${this.chain!.entries + 1}: the list is complete`;
    });
    this.complete = true;
  }

  private async checkAnchors(): Promise<void> {
    const last = this.anchors.at(-1);
    await this.verification.check('anchor', {}, () => {
      if (!last) return { detail: 'pending: no anchor in this bundle', open: true };
      this.verification.anchored = last.size === this.header!.size;
      this.verification.independentTrust = last.independentTrust;
      const rest = this.header!.size - last.size;
      return `${describeAnchor(last)}${rest > 0 ? `; the last ${rest} entries are not anchored yet` : ''}`;
    });
  }
}

/** The id that a line that cannot be parsed seems to be about: enough to name it. */
function entryIdIn(bytes: Uint8Array): { entryId?: string } {
  const match = /"id":"(led-[0-9a-f]{17})"/.exec(new TextDecoder().decode(bytes.subarray(0, MAX_LINE_BYTES)));
  return match ? { entryId: match[1] } : {};
}
