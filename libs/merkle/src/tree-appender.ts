import { FormatError } from './bytes.js';
import { hashOfRun, type TileReader } from './tile-tree.js';
import { hashesAtLevel, TILE_WIDTH, type Tile, tileWidth } from './tiles.js';
import { assertSize } from './tree-geometry.js';
import { HASH_BYTES, type TreeHasher } from './tree-hasher.js';

/** A tile with its hashes (`width * 32` bytes). */
export interface TileData extends Tile {
  hashes: Uint8Array;
}

/** The unfinished tile at the right edge of one level. */
interface Edge {
  hashes: Uint8Array;
  count: number;
}

/**
 * Grows a tree in batches and says which tiles came to be or changed. Keeps only the unfinished tile of each level, 8 KiB
 * each, so its memory does not grow with the log.
 */
export class TreeAppender {
  #size: number;
  readonly #edges: Edge[];

  private constructor(
    private readonly hasher: TreeHasher,
    size: number,
    edges: Edge[],
  ) {
    this.#size = size;
    this.#edges = edges;
  }

  static empty(hasher: TreeHasher): TreeAppender {
    return new TreeAppender(hasher, 0, []);
  }

  /**
   * Goes on with a stored tree, from its partial tiles alone. The caller compares `root()` with a head it trusts.
   * @throws FormatError when a tile is shorter than the tree's size demands
   */
  static async load(hasher: TreeHasher, size: number, read: TileReader): Promise<TreeAppender> {
    assertSize(size);
    const edges: Edge[] = [];
    for (let level = 0; hashesAtLevel(level, size) > 0; level++) {
      const index = Math.floor(hashesAtLevel(level, size) / TILE_WIDTH);
      const count = tileWidth(level, index, size);
      const edge: Edge = { hashes: new Uint8Array(TILE_WIDTH * HASH_BYTES), count };
      if (count > 0) {
        const stored = await read({ level, index, width: count });
        if (stored.length < count * HASH_BYTES) {
          throw new FormatError(`tile ${level}/${index} has ${stored.length} bytes, too few for ${count} hashes`);
        }
        edge.hashes.set(stored.subarray(0, count * HASH_BYTES));
      }
      edges.push(edge);
    }
    return new TreeAppender(hasher, size, edges);
  }

  get size(): number {
    return this.#size;
  }

  /** An independent copy, to try a batch on: the tree only moves forward when the batch has been stored. */
  clone(): TreeAppender {
    const edges = this.#edges.map(({ hashes, count }) => ({ hashes: hashes.slice(), count }));
    return new TreeAppender(this.hasher, this.#size, edges);
  }

  /**
   * Appends leaves by their hashes. Returns every tile that became full and, for each level that changed, the partial tile
   * at its right edge; storing them over the older, narrower ones gives the tiles of the new tree.
   */
  append(leafHashes: readonly Uint8Array[]): TileData[] {
    const filled: TileData[] = [];
    const touched = new Set<number>();
    for (const hash of leafHashes) {
      if (hash.length !== HASH_BYTES) throw new FormatError('a leaf hash is not 32 bytes');
      this.#push(0, hash, filled, touched);
      this.#size++;
    }
    const partial = [...touched]
      .sort((a, b) => a - b)
      .filter((level) => this.#edges[level]!.count > 0)
      .map((level) => {
        const { hashes, count } = this.#edges[level]!;
        const index = Math.floor(hashesAtLevel(level, this.#size) / TILE_WIDTH);
        return { level, index, width: count, hashes: hashes.slice(0, count * HASH_BYTES) };
      });
    return [...filled, ...partial];
  }

  /** The root of the tree as it is now. */
  root(): Uint8Array {
    let root: Uint8Array | null = null;
    for (const { hashes, count } of this.#edges) {
      // The rightmost, smallest complete subtree comes first: the set bits of the count, from the lowest.
      for (let width = 1; width <= count; width *= 2) {
        if (Math.floor(count / width) % 2 === 0) continue;
        const offset = count - (count % (width * 2));
        const left = hashOfRun(this.hasher, hashes, offset, width);
        root = root === null ? left : this.hasher.node(left, root);
      }
    }
    return root ?? this.hasher.emptyRoot;
  }

  #push(level: number, hash: Uint8Array, filled: TileData[], touched: Set<number>): void {
    const edge = this.#edge(level);
    edge.hashes.set(hash, edge.count * HASH_BYTES);
    edge.count++;
    touched.add(level);
    if (edge.count < TILE_WIDTH) return;
    // #size does not count the leaf being appended yet, and that leaf is the last one under the tile that is now full.
    const index = Math.floor(this.#size / TILE_WIDTH ** (level + 1));
    const hashes = edge.hashes.slice();
    filled.push({ level, index, width: TILE_WIDTH, hashes });
    edge.count = 0;
    this.#push(level + 1, hashOfRun(this.hasher, hashes, 0, TILE_WIDTH), filled, touched);
  }

  #edge(level: number): Edge {
    const existing = this.#edges[level];
    if (existing) return existing;
    const edge: Edge = { hashes: new Uint8Array(TILE_WIDTH * HASH_BYTES), count: 0 };
    this.#edges.push(edge);
    return edge;
  }
}
