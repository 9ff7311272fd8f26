import { FormatError } from './bytes.js';
import type { InnerHashes } from './inner-hashes.js';
import { subtreeInTiles, type Tile, tileWidth } from './tiles.js';
import {
  assertSize,
  completeSubtrees,
  consistencyRanges,
  inclusionRanges,
  type LeafRange,
  type Subtree,
} from './tree-geometry.js';
import { HASH_BYTES, type TreeHasher } from './tree-hasher.js';

/** Gives a tile's hashes, one after the other: at least `width * 32` bytes. May answer at once or later. */
export type TileReader = (tile: Tile) => Uint8Array | Promise<Uint8Array>;

/**
 * A tree of `size` leaves seen through its tiles. Makes roots and proofs for that size and every smaller one, reading each
 * tile at most once a call. What it computes is only as good as the tiles: compare the root with a signed checkpoint.
 */
export class TileTree {
  constructor(
    private readonly hasher: TreeHasher,
    readonly size: number,
    private readonly read: TileReader,
    /** Keeps what is computed from the tiles above the leaves, for the next tree of the same log. */
    private readonly inner?: InnerHashes,
  ) {
    assertSize(size);
  }

  /** The root of the first `size` leaves. @throws RangeError when the tree is smaller */
  async root(size: number = this.size): Promise<Uint8Array> {
    this.#require(size);
    if (size === 0) return this.hasher.emptyRoot;
    const [hash] = await this.#hashes([{ start: 0, end: size }]);
    return hash!;
  }

  /** The hash of one leaf. */
  async leafHash(index: number): Promise<Uint8Array> {
    this.#require(index + 1);
    const [hash] = await this.#hashes([{ start: index, end: index + 1 }]);
    return hash!;
  }

  /** The proof that leaf `index` is in the tree of `size` leaves. @throws RangeError when it is not */
  async inclusionProof(index: number, size: number = this.size): Promise<Uint8Array[]> {
    this.#require(size);
    return this.#hashes(inclusionRanges(index, size));
  }

  /** The proof that the tree of `second` leaves begins with the tree of `first` leaves. */
  async consistencyProof(first: number, second: number = this.size): Promise<Uint8Array[]> {
    this.#require(second);
    return this.#hashes(consistencyRanges(first, second));
  }

  #require(size: number): void {
    assertSize(size);
    if (size > this.size) throw new RangeError(`the tree has ${this.size} leaves, not ${size}`);
  }

  async #hashes(ranges: LeafRange[]): Promise<Uint8Array[]> {
    const parts = ranges.map(completeSubtrees);
    const tiles = await this.#readTiles(parts.flat());
    return parts.map((subtrees) => {
      const hashes = subtrees.map((subtree) => this.#subtreeHash(subtree, tiles));
      return hashes.reduceRight((right, left) => this.hasher.node(left, right));
    });
  }

  async #readTiles(subtrees: Subtree[]): Promise<Map<string, Uint8Array>> {
    const wanted = new Map<string, Tile>();
    for (const { height, index } of subtrees) {
      const { level, tile } = subtreeInTiles(height, index);
      wanted.set(`${level}/${tile}`, { level, index: tile, width: tileWidth(level, tile, this.size) });
    }
    const read = async ([key, tile]: [string, Tile]): Promise<[string, Uint8Array]> => {
      const hashes = await this.read(tile);
      if (hashes.length < tile.width * HASH_BYTES) {
        throw new FormatError(`tile ${key} has ${hashes.length} bytes, too few for ${tile.width} hashes`);
      }
      return [key, hashes];
    };
    return new Map(await Promise.all([...wanted].map(read)));
  }

  #subtreeHash({ height, index }: Subtree, tiles: Map<string, Uint8Array>): Uint8Array {
    const { level, tile, offset, count } = subtreeInTiles(height, index);
    const key = `${level}/${tile}`;
    const hashes = tiles.get(key)!;
    if (level > 0 && this.inner) return this.inner.over(key, hashes, offset, count);
    return hashOfRun(this.hasher, hashes, offset, count);
  }
}

/** The root over `count` (a power of two) consecutive hashes of a tile. */
export function hashOfRun(hasher: TreeHasher, hashes: Uint8Array, offset: number, count: number): Uint8Array {
  let row: Uint8Array[] = [];
  for (let at = offset; at < offset + count; at++) row.push(hashes.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES));
  while (row.length > 1) {
    const next: Uint8Array[] = [];
    for (let at = 0; at < row.length; at += 2) next.push(hasher.node(row[at]!, row[at + 1]!));
    row = next;
  }
  return row[0]!;
}
