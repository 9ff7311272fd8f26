import { FormatError, fromBase64, parseDecimal, toBase64 } from './bytes.js';
import { HASH_BYTES } from './tree-hasher.js';

/** A tree head as a log states it (c2sp.org/tlog-checkpoint). */
export interface Checkpoint {
  /** Which log: unique to it, and pinned by whoever verifies. */
  origin: string;
  size: number;
  root: Uint8Array;
  /** Further lines; Freehold's own log writes none. */
  extensions: string[];
}

/** The checkpoint's text, which is what gets signed. @throws FormatError */
export function formatCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  if (root.length !== HASH_BYTES) throw new FormatError('the root of a checkpoint is 32 bytes');
  const lines = [origin, String(size), toBase64(root), ...extensions];
  if (lines.some((line) => line === '' || line.includes('\n'))) throw new FormatError('a checkpoint has an empty line');
  return `${lines.join('\n')}\n`;
}

/** @throws FormatError */
export function parseCheckpoint(text: string): Checkpoint {
  if (!text.endsWith('\n')) throw new FormatError('a checkpoint ends in a newline');
  const [origin, size, root, ...extensions] = text.slice(0, -1).split('\n');
  if (!origin || !size || !root || extensions.includes('')) {
    throw new FormatError('a checkpoint is an origin, a size and a root, each on its line');
  }
  const hash = fromBase64(root);
  if (hash.length !== HASH_BYTES) throw new FormatError('the root of a checkpoint is 32 bytes');
  return { origin, size: parseDecimal(size, 'the size of the checkpoint'), root: hash, extensions };
}
