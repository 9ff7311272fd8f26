import { Injectable } from '@nestjs/common';
import { NotFoundError } from '#kernel';
import { encodeEntryBundle, parseTilePath, TILE_WIDTH, TreeHasher, tileWidth } from '#merkle';
import { nodeCrypto } from '#proof';
import { LogEmptyError } from '../domain/ledger.errors.js';
import { LogIdentity } from '../infra/log-identity.js';
import { OpenLogRepository, type PublishedHead } from '../infra/open-log.repository.js';

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

  private async publishedHead(): Promise<PublishedHead> {
    const head = await this.log.newestHead();
    if (!head) throw new LogEmptyError();
    return head;
  }
}

function readTilePath(path: string) {
  try {
    return parseTilePath(path);
  } catch {
    throw new NotFoundError('tile', path);
  }
}
