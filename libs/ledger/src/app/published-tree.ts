import { TileTree, type TreeHasher } from '#merkle';
import { LogCorruptError } from '../domain/ledger.errors.js';
import type { OpenLogRepository } from '../infra/open-log.repository.js';

/** The published tree of `size` entries, for proofs; reads as many tiles as a proof needs. */
export function publishedTree(log: OpenLogRepository, hasher: TreeHasher, size: number): TileTree {
  return new TileTree(hasher, size, async (tile) => {
    const hashes = await log.tile(tile);
    if (!hashes) throw new LogCorruptError(`tile ${tile.level}/${tile.index} is narrower than the published tree`);
    return hashes;
  });
}
