import { Injectable } from '@nestjs/common';
import { InvalidInputError, NotFoundError } from '#kernel';
import { encodeEntryBundle, formatTlogProof, parseTilePath, TILE_WIDTH, TreeHasher, tileWidth } from '#merkle';
import { nodeCrypto } from '#proof';
import { LogEmptyError } from '../domain/ledger.errors.js';
import { LogIdentity } from '../infra/log-identity.js';
import { OpenLogRepository, type PublishedHead } from '../infra/open-log.repository.js';
import { PublishedTrees } from './published-trees.js';

/** How many leaves one request may ask for. */
export const MAX_LEAVES = 1000;

export interface LogOverview {
  origin: string;
  vkey: string;
  head: PublishedHead | null;
}

export interface PublicLeaf {
  index: number;
  hash: Uint8Array;
  leaf: Uint8Array;
}

/** The log as everybody may read it: only what a published checkpoint covers. */
@Injectable()
export class OpenLogQueries {
  private readonly hasher = new TreeHasher(nodeCrypto.sha256);

  constructor(
    private readonly log: OpenLogRepository,
    private readonly identity: LogIdentity,
    private readonly trees: PublishedTrees,
  ) {}

  async overview(): Promise<LogOverview> {
    return { origin: this.identity.origin, vkey: this.identity.vkey, head: await this.log.newestHead() };
  }

  /** The newest signed checkpoint. @throws LogEmptyError */
  async checkpoint(): Promise<string> {
    return (await this.publishedHead()).note;
  }

  /**
   * A tile of hashes or a bundle of entries by its path of c2sp.org/tlog-tiles, without the leading slash.
   * @throws NotFoundError for what is no path, or is not in the published tree
   */
  async tile(path: string): Promise<Uint8Array> {
    const tile = readTilePath(path);
    const { size } = await this.publishedHead();
    const level = tile.kind === 'tile' ? tile.level : 0;
    if (tile.width > tileWidth(level, tile.index, size)) throw new NotFoundError('tile', path);
    if (tile.kind === 'tile') {
      const hashes = await this.log.tile(tile);
      if (!hashes) throw new NotFoundError('tile', path);
      return hashes;
    }
    const first = tile.index * TILE_WIDTH;
    const leaves = await this.log.leaves(first, first + tile.width);
    return encodeEntryBundle(leaves.map((leaf) => leaf.leaf));
  }

  /** The leaves from `first` on, at most `limit`, and the size of the published tree. */
  async leaves(first: number, limit: number): Promise<{ size: number; items: PublicLeaf[] }> {
    const { size } = await this.publishedHead();
    const leaves = await this.log.leaves(first, Math.min(size, first + limit));
    return { size, items: leaves.map(({ index, leaf }) => ({ index, leaf, hash: this.hasher.leaf(leaf) })) };
  }

  /**
   * Proves that an entry is in the newest published tree, as a c2sp.org/tlog-proof: whoever has the entry needs nothing else.
   * @throws NotFoundError when the tree has no such index; LogEmptyError
   */
  async inclusion(index: number): Promise<string> {
    const { size, note } = await this.publishedHead();
    if (index >= size) throw new NotFoundError('entry of the log', String(index));
    const hashes = await this.trees.of(size).inclusionProof(index);
    return formatTlogProof({ index, hashes, checkpoint: note, extra: null });
  }

  /**
   * Proves that the tree of `to` entries begins with that of `from` entries; `to` is the newest published size unless given.
   * @throws InvalidInputError when they are the wrong way round; NotFoundError when the tree is not that large; LogEmptyError
   */
  async consistency(from: number, to?: number): Promise<{ from: number; to: number; hashes: Uint8Array[] }> {
    const { size } = await this.publishedHead();
    const second = to ?? size;
    if (second > size) throw new NotFoundError('tree of the log', String(second));
    if (from > second) throw new InvalidInputError([WRONG_WAY_ROUND]);
    return { from, to: second, hashes: await this.trees.of(size).consistencyProof(from, second) };
  }

  private async publishedHead(): Promise<PublishedHead> {
    const head = await this.log.newestHead();
    if (!head) throw new LogEmptyError();
    return head;
  }
}

const WRONG_WAY_ROUND = {
  pointer: '/query/from',
  rule: 'consistency.order',
  message: 'it is larger than the tree that it is to be the beginning of',
  fix: 'let `from` be the smaller one of the two sizes',
};

function readTilePath(path: string) {
  try {
    return parseTilePath(path);
  } catch {
    throw new NotFoundError('tile', path);
  }
}
