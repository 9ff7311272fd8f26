import {
  decodeEntryBundle,
  equalBytes,
  FormatError,
  HASH_BYTES,
  parseCheckpoint,
  parseNote,
  TILE_WIDTH,
  type Tile,
  TileTree,
  TreeAppender,
  TreeHasher,
  tileWidth,
  toHex,
  verifyConsistency,
} from '#merkle';
import { checkAnchor } from './anchor-check.js';
import { parseAnchorProof } from './anchor-proof.js';
import { parseAnchorRecord } from './anchor-record.js';
import { parseLeaf } from './ledger-leaf.js';
import { type Head, LogHeadCheck, type LogTrust } from './log-head-check.js';
import { parseLogKeys } from './log-keys.js';
import { InconsistentError, Verification, type VerificationReport } from './verification.js';

/** A log that answers (c2sp.org/tlog-tiles), and what it says of itself beyond that. */
export interface LogSource {
  /** The newest signed checkpoint. */
  checkpoint: string;
  /** Its first key, when it says so. */
  vkey: string | null;
  /** The links to the keys that followed it; not read yet. */
  keys: unknown;
  /** The newest anchor that it tells of; not read yet. */
  anchor: { anchor: unknown; proof: unknown } | null;
  /** A tile's hashes, at least `width * 32` bytes. */
  tile(tile: Tile): Promise<Uint8Array>;
  /** The bundle of entries at this index, of which the first `width` are asked for. */
  entries(index: number, width: number): Promise<Uint8Array>;
}

export interface VerifyLogOptions extends LogTrust {
  /** Reads every tile and every entry, and not only the tiles at the tree's right edge. */
  full?: boolean;
  /** Told how many leaves were read. */
  progress?: (leaves: number, size: number) => void;
}

export interface LogReport extends VerificationReport {
  size: number;
  /** Leaves that were read and hashed; all of them with `full`. */
  leaves: number;
}

/** Verifies a log by what it answers. That it does not answer is thrown; what does not hold is in the report. */
export async function verifyLog(source: LogSource, options: VerifyLogOptions): Promise<LogReport> {
  const verification = new Verification();
  const check = new LogCheck(verification, source, options);
  const report = await verification.report(() => check.run());
  if (check.unread) throw check.unread.cause;
  return { ...report, size: check.size, leaves: report.ok ? check.leaves : 0 };
}

class LogCheck {
  size = 0;
  leaves = 0;
  /** Why the log did not answer: nothing is said then of what it holds. */
  unread: { cause: unknown } | null = null;
  private readonly hasher: TreeHasher;
  private readonly log: LogHeadCheck;
  private readonly tiles = new Map<string, Uint8Array>();

  constructor(
    private readonly verification: Verification,
    private readonly source: LogSource,
    private readonly options: VerifyLogOptions,
  ) {
    this.hasher = new TreeHasher(options.crypto.sha256);
    this.log = new LogHeadCheck(verification, options);
  }

  async run(): Promise<void> {
    const { checkpoint: note, keys, vkey } = this.source;
    const claimed = await this.verification.attempt('format', {}, () => parseCheckpoint(parseNote(note).text));
    await this.verification.check('format', {}, () => `a checkpoint of ${claimed.size} entries`);
    const claim = await this.verification.attempt('log-key', {}, () => {
      const first = vkey ?? this.options.log;
      if (first === undefined) throw new FormatError('the log does not tell its key, and none is pinned');
      return { log: { origin: claimed.origin, vkey: first }, keys: parseLogKeys(keys) };
    });
    await this.log.logKey(claim, claimed);
    const head = await this.log.checkpoint(note, {});
    this.size = head.size;
    await this.log.witnesses(note, {});
    const tree = new TileTree(this.hasher, head.size, (tile) => this.tile(tile));
    await this.verification.check('tree', {}, () => (this.options.full ? this.wholeTree(head) : this.edge(tree, head)));
    await this.consistency(tree, head);
    await this.anchor(tree, head);
  }

  /** The root from the tiles at the right edge: whether the tiles are those of the head, as far as they were read. */
  private async edge(tree: TileTree, { root }: Head) {
    if (!equalBytes(await tree.root(), root)) throw new FormatError('the tiles do not hash to the signed root');
    const detail = `the ${this.tiles.size} tile(s) at the edge hash to the signed root; --full reads all of them`;
    return { detail, open: true };
  }

  /** Every entry and every tile. */
  private async wholeTree({ size, root }: Head): Promise<string> {
    const grown = TreeAppender.empty(this.hasher);
    for (let first = 0; first < size; first += TILE_WIDTH) {
      const index = first / TILE_WIDTH;
      const width = tileWidth(0, index, size);
      const hashes = await this.leafHashes(index, width);
      for (const tile of grown.append(hashes)) {
        // Tiles that are not the last of their level at this size were or will be seen full.
        if (tile.width < tileWidth(tile.level, tile.index, size)) continue;
        const shown = (await this.read(() => this.source.tile(tile))).subarray(0, tile.width * HASH_BYTES);
        if (!equalBytes(shown, tile.hashes)) {
          throw new FormatError(`tile ${tile.level}/${tile.index} does not have the hashes of what is below it`);
        }
      }
      this.leaves = first + width;
      this.options.progress?.(this.leaves, size);
    }
    if (!equalBytes(grown.root(), root)) throw new FormatError('the entries do not hash to the signed root');
    return `all ${size} entries and every tile hash to the signed root`;
  }

  private async leafHashes(index: number, width: number): Promise<Uint8Array[]> {
    const entries = decodeEntryBundle(await this.read(() => this.source.entries(index, width))).slice(0, width);
    if (entries.length < width)
      throw new FormatError(`the bundle of entries ${index} has ${entries.length}, not ${width}`);
    return entries.map((entry, at) => {
      const leaf = index * TILE_WIDTH + at;
      const { origin } = this.verification.attemptNow('entry', { index: leaf }, () => parseLeaf(entry));
      if (origin !== this.log.origin) throw new FormatError(`the leaf at index ${leaf} belongs to the log ${origin}`);
      return this.hasher.leaf(entry);
    });
  }

  /** Every head that was seen before must be a beginning of this one; the proofs are made from the log's own tiles. */
  private async consistency(tree: TileTree, head: Head): Promise<void> {
    const { knownCheckpoints = [], lastSeen = [] } = this.options;
    await this.verification.check('consistency', {}, async () => {
      const notes = [...knownCheckpoints, ...lastSeen];
      if (notes.length === 0) return { detail: 'not checked: nothing was seen of this log before', open: true };
      for (const note of notes) {
        const { size } = LogHeadCheck.claimedHead(note);
        if (size > head.size) {
          throw new InconsistentError(
            `the log shows ${head.size} entries, and it showed ${size} before: it was set back`,
          );
        }
        const seen = await this.log.known(note);
        const proof = await tree.consistencyProof(size);
        const claim = { first: size, second: head.size, firstRoot: seen.root, secondRoot: head.root, proof };
        if (!verifyConsistency(this.hasher, claim)) {
          throw new InconsistentError(`the log does not continue the head of ${size} entries that it showed before`);
        }
      }
      this.verification.continues = notes;
      return `the log continues the ${notes.length} head(s) that were seen before`;
    });
  }

  /** The newest anchor is of a head that this one continues. */
  private async anchor(tree: TileTree, head: Head): Promise<void> {
    const told = this.source.anchor;
    if (!told) {
      await this.log.anchor({ anchor: null, anchorPromise: null, anchorProof: null }, head, {});
      return;
    }
    await this.verification.check('anchor', {}, async () => {
      const anchor = parseAnchorRecord(told.anchor);
      const proof = told.proof === null ? null : parseAnchorProof(told.proof);
      if (anchor.size > head.size)
        throw new FormatError(`the anchor is of ${anchor.size} entries, more than there are`);
      const root = await tree.root(anchor.size);
      // The tiles were held against the signed root at the tree's edge alone: this proves that the smaller root is of it.
      const path = await tree.consistencyProof(anchor.size);
      const claim = { first: anchor.size, second: head.size, firstRoot: root, secondRoot: head.root, proof: path };
      if (!verifyConsistency(this.hasher, claim) || anchor.root !== toHex(root)) {
        throw new InconsistentError(`the log does not continue the head of ${anchor.size} entries that is anchored`);
      }
      const claimed = { anchor, anchorProof: proof, anchorPromise: null };
      const checked = await checkAnchor(this.options, this.log.origin, claimed, { size: anchor.size, root });
      this.verification.anchored = anchor.size === head.size;
      this.verification.independentTrust = anchor.independentTrust;
      this.verification.anchorProven = checked.proven && anchor.size === head.size;
      const rest = head.size - anchor.size;
      if (rest === 0) return checked.outcome;
      // The newest head of a log that is in use is never the anchored one: what is demanded is the newest anchor.
      const outcome = typeof checked.outcome === 'string' ? { detail: checked.outcome } : checked.outcome;
      return { ...outcome, detail: `${outcome.detail}; the last ${rest} entries are not anchored yet`, open: true };
    });
  }

  /** Each tile is asked for once: the edge is the same for every proof. */
  private async tile(tile: Tile): Promise<Uint8Array> {
    const name = `${tile.level}/${tile.index}/${tile.width}`;
    const known = this.tiles.get(name);
    if (known) return known;
    const hashes = await this.read(() => this.source.tile(tile));
    this.tiles.set(name, hashes);
    return hashes;
  }

  /** An answer that breaks the format is the log's fault, and a FormatError; any other error is none. */
  private async read<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (!(cause instanceof FormatError)) this.unread ??= { cause };
      throw cause;
    }
  }
}
