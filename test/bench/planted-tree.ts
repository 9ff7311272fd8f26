import pg from 'pg';
import { hashesAtLevel, TILE_WIDTH, type Tile, TreeAppender, TreeHasher } from '#merkle';
import { nodeCrypto } from '#proof';

const hasher = new TreeHasher(nodeCrypto.sha256);

/**
 * Puts a log of `size` entries into an empty database without making the entries: all tiles of all levels, and the head.
 * Every leaf has the same hash, so that PostgreSQL writes the tiles by itself; what appending and proving cost does not
 * depend on the hashes. The places of the entries (ledger_leaf) are left out: 10,000,000 of them take 3.5 GB.
 */
export async function plantTree(systemUrl: string, size: number): Promise<void> {
  const levels = hashesOfLevels(size);
  const tile = ({ level, width }: Pick<Tile, 'level' | 'width'>) => Buffer.alloc(width * 32, levels[level]);
  const database = new pg.Client({ connectionString: systemUrl });
  await database.connect();
  try {
    for (let level = 0; hashesAtLevel(level, size) > 0; level += 1) {
      const hashes = hashesAtLevel(level, size);
      const full = Math.floor(hashes / TILE_WIDTH);
      await database.query(
        'INSERT INTO ledger_tile (level, tile_index, hashes) SELECT $1, n, $2 FROM generate_series(0, $3::bigint - 1) n',
        [level, tile({ level, width: TILE_WIDTH }), full],
      );
      const width = hashes % TILE_WIDTH;
      if (width > 0) {
        await database.query('INSERT INTO ledger_tile (level, tile_index, hashes) VALUES ($1, $2, $3)', [
          level,
          full,
          tile({ level, width }),
        ]);
      }
    }
    const tree = await TreeAppender.load(hasher, size, tile);
    await database.query('UPDATE ledger_head SET size = $1, root = $2', [size, Buffer.from(tree.root())]);
    await database.query('ANALYZE ledger_tile').catch(() => undefined);
  } finally {
    await database.end();
  }
}

/** The one hash of each level: that of a leaf, and the root over 256 of the level below. */
function hashesOfLevels(size: number): Uint8Array[] {
  const levels = [hasher.leaf(Buffer.from('planted'))];
  for (let level = 1; hashesAtLevel(level, size) > 0; level += 1) {
    const tile = TreeAppender.empty(hasher);
    tile.append(Array.from({ length: TILE_WIDTH }, () => levels[level - 1]!));
    levels.push(tile.root());
  }
  return levels;
}
