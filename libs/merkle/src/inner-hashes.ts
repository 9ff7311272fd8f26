import { equalBytes } from './bytes.js';
import { HASH_BYTES, type TreeHasher } from './tree-hasher.js';

interface Pyramid {
  /** What it was built from, to know it again without a look at its bytes. */
  source: Uint8Array;
  /** Row k has the hashes over 2^k hashes of the tile each, as far as they are complete. */
  rows: Uint8Array[];
}

/**
 * What lies between the hashes of upper tiles and the one above them, kept from proof to proof: a tree of millions has few
 * of those tiles, and every proof goes through them. What is kept counts only while the tile's bytes are the same; nobody may change the
 * bytes of an array that was handed in.
 */
export class InnerHashes {
  private readonly kept = new Map<string, Pyramid>();

  constructor(
    private readonly hasher: TreeHasher,
    /** How many tiles, about 16 KiB each. */
    private readonly capacity = 512,
  ) {}

  /** The root over `count` (a power of two) consecutive hashes of a tile, from a multiple of `count` on. */
  over(tile: string, hashes: Uint8Array, offset: number, count: number): Uint8Array {
    const row = this.pyramid(tile, hashes).rows[Math.log2(count)]!;
    const at = (offset / count) * HASH_BYTES;
    return row.slice(at, at + HASH_BYTES);
  }

  private pyramid(tile: string, hashes: Uint8Array): Pyramid {
    const known = this.kept.get(tile);
    this.kept.delete(tile);
    const pyramid = known && isSame(known, hashes) ? known : this.build(hashes);
    this.kept.set(tile, pyramid);
    if (this.kept.size > this.capacity) this.kept.delete(this.kept.keys().next().value!);
    return pyramid;
  }

  private build(hashes: Uint8Array): Pyramid {
    const rows = [hashes.slice()];
    for (let below = rows[0]!; below.length >= 2 * HASH_BYTES; below = rows.at(-1)!) {
      const row = new Uint8Array(Math.floor(below.length / (2 * HASH_BYTES)) * HASH_BYTES);
      for (let at = 0; at < row.length; at += HASH_BYTES) {
        const left = below.subarray(2 * at, 2 * at + HASH_BYTES);
        const right = below.subarray(2 * at + HASH_BYTES, 2 * at + 2 * HASH_BYTES);
        row.set(this.hasher.node(left, right), at);
      }
      rows.push(row);
    }
    return { source: hashes, rows };
  }
}

function isSame({ source, rows }: Pyramid, hashes: Uint8Array): boolean {
  return source === hashes || equalBytes(rows[0]!, hashes);
}
