import { Injectable } from '@nestjs/common';
import { InnerHashes, TILE_WIDTH, type Tile, TileTree, TreeHasher } from '#merkle';
import { nodeCrypto } from '#proof';
import { LogCorruptError } from '../domain/ledger.errors.js';
import { OpenLogRepository } from '../infra/open-log.repository.js';

/** How many tiles are kept, 8 KiB each: those above the leaves of ten million entries are 154. */
const KEPT_TILES = 512;

/**
 * The published tree at any size, for proofs. What a proof needs is asked for in one query. Upper tiles, and those at the
 * right edge, are kept with the version of their row, so that they travel once: a proof in a log of ten million entries
 * costs what it does in one of ten thousand. A row that somebody changes has another version, and is read again.
 */
@Injectable()
export class PublishedTrees {
  private readonly hasher = new TreeHasher(nodeCrypto.sha256);
  private readonly inner = new InnerHashes(this.hasher, KEPT_TILES);
  private readonly kept = new Map<string, { version: string; hashes: Uint8Array }>();

  constructor(private readonly log: OpenLogRepository) {}

  of(size: number): TileTree {
    return new TileTree(this.hasher, size, this.readTogether(), this.inner);
  }

  /** Reads tiles that are asked for in one go with one query. */
  private readTogether(): (tile: Tile) => Promise<Uint8Array> {
    let asked: Tile[] = [];
    let answer: Promise<Uint8Array[]> | null = null;
    return async (tile) => {
      const at = asked.push(tile) - 1;
      answer ??= Promise.resolve().then(() => {
        const tiles = asked;
        asked = [];
        answer = null;
        return this.read(tiles);
      });
      return (await answer)[at]!;
    };
  }

  private async read(tiles: readonly Tile[]): Promise<Uint8Array[]> {
    const known = tiles.map((tile) => this.kept.get(keyOf(tile)));
    const found = await this.log.tiles(tiles.map((tile, at) => ({ ...tile, known: known[at]?.version })));
    return tiles.map((tile, at) => {
      const hashes = found[at]?.hashes ?? (found[at] && known[at]?.hashes);
      if (!hashes) throw new LogCorruptError(`tile ${tile.level}/${tile.index} is narrower than the published tree`);
      if (tile.level > 0 || tile.width < TILE_WIDTH) this.keep(keyOf(tile), { version: found[at]!.version, hashes });
      return hashes;
    });
  }

  private keep(key: string, tile: { version: string; hashes: Uint8Array }): void {
    this.kept.delete(key);
    this.kept.set(key, tile);
    if (this.kept.size > KEPT_TILES) this.kept.delete(this.kept.keys().next().value!);
  }
}

function keyOf({ level, index }: Tile): string {
  return `${level}/${index}`;
}
