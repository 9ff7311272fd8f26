import { FormatError, parseDecimal } from './bytes.js';
import { assertSize } from './tree-geometry.js';

/**
 * The geometry of C2SP tlog-tiles (c2sp.org/tlog-tiles): the tree is stored as tiles of 256 hashes. A hash at level L+1 is
 * the root of a full tile at level L. A partial tile is a prefix of the full tile it becomes.
 */

export const TILE_WIDTH = 256;
const TILE_HEIGHT = 8;
const MAX_LEVEL = 63;

/** One tile: `width` hashes, the first of them at `index * 256` of its level. */
export interface Tile {
  level: number;
  index: number;
  /** 1..256; below 256 the tile is partial. */
  width: number;
}

/** What a path below the log's prefix names: a tile of hashes, or a bundle of entries. */
export type TilePath = ({ kind: 'tile' } & Tile) | { kind: 'entries'; index: number; width: number };

/** How many hashes the tree of `size` leaves has at a level: the complete subtrees of 256^level leaves. */
export function hashesAtLevel(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level);
}

/** The width of a tile in the tree of `size` leaves: 256 when full, 0 when the tile does not exist. */
export function tileWidth(level: number, index: number, size: number): number {
  return Math.min(TILE_WIDTH, Math.max(0, hashesAtLevel(level, size) - index * TILE_WIDTH));
}

/** Every tile of the tree of `size` leaves, by level, then index. */
export function* tilesOfTree(size: number): Generator<Tile> {
  assertSize(size);
  for (let level = 0; hashesAtLevel(level, size) > 0; level++) {
    for (let index = 0; index * TILE_WIDTH < hashesAtLevel(level, size); index++) {
      yield { level, index, width: tileWidth(level, index, size) };
    }
  }
}

/** Where in the tiles a complete subtree's hash comes from: `count` consecutive hashes of one tile, hashed together. */
export function subtreeInTiles(height: number, index: number) {
  const level = Math.floor(height / TILE_HEIGHT);
  const count = 2 ** (height % TILE_HEIGHT);
  const first = index * count;
  return { level, tile: Math.floor(first / TILE_WIDTH), offset: first % TILE_WIDTH, count };
}

/** `tile/<L>/<N>[.p/<W>]`, without a leading slash. */
export function tilePath(tile: Tile): string {
  return `tile/${tile.level}/${encodeIndex(tile.index)}${partialSuffix(tile.width)}`;
}

/** `tile/entries/<N>[.p/<W>]`, without a leading slash. */
export function entriesPath(index: number, width: number): string {
  return `tile/entries/${encodeIndex(index)}${partialSuffix(width)}`;
}

/**
 * Reads a path made by `tilePath` or `entriesPath`. Only the one canonical spelling is accepted.
 * @throws FormatError
 */
export function parseTilePath(path: string): TilePath {
  const match = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/.exec(path);
  if (!match) throw new FormatError('not the path of a tile');
  const digits = match[2]!.replace(/[x/]/g, '');
  if (digits.length > 15) throw new FormatError('the index of the tile is too large');
  const index = Number(digits);
  const width = match[3] === undefined ? TILE_WIDTH : parseDecimal(match[3], 'the width of the tile');
  if (width < 1 || (match[3] !== undefined && width >= TILE_WIDTH))
    throw new FormatError('a partial tile is 1..255 wide');
  const entries = match[1] === 'entries';
  const level = entries ? 0 : parseDecimal(match[1]!, 'the level of the tile');
  if (level > MAX_LEVEL) throw new FormatError('the level of the tile is above 63');
  if (encodeIndex(index) !== match[2]) throw new FormatError('the index of the tile has surplus zeroes');
  return entries ? { kind: 'entries', index, width } : { kind: 'tile', level, index, width };
}

/** Path elements of three digits, all but the last marked with `x`: 1234067 is `x001/x234/067`. */
function encodeIndex(index: number): string {
  if (!Number.isSafeInteger(index) || index < 0) throw new RangeError(`${index} is not the index of a tile`);
  let rest = Math.floor(index / 1000);
  let path = String(index % 1000).padStart(3, '0');
  while (rest > 0) {
    path = `x${String(rest % 1000).padStart(3, '0')}/${path}`;
    rest = Math.floor(rest / 1000);
  }
  return path;
}

function partialSuffix(width: number): string {
  if (!Number.isSafeInteger(width) || width < 1 || width > TILE_WIDTH)
    throw new RangeError(`a tile is 1..256 wide, not ${width}`);
  return width === TILE_WIDTH ? '' : `.p/${width}`;
}
