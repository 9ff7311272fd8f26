import { FormatError, fromBase64, parseDecimal, toBase64 } from './bytes.js';
import { HASH_BYTES } from './tree-hasher.js';

const HEADER = 'c2sp.org/tlog-proof@v1';
const MAX_HASHES = 63;

/** An inclusion proof with the checkpoint it leads to, as text (c2sp.org/tlog-proof). */
export interface TlogProof {
  index: number;
  hashes: Uint8Array[];
  /** The whole signed note. */
  checkpoint: string;
  /** Data of the application; nothing authenticates it. */
  extra: Uint8Array | null;
}

/** @throws FormatError */
export function formatTlogProof({ index, hashes, checkpoint, extra }: TlogProof): string {
  if (hashes.some((hash) => hash.length !== HASH_BYTES)) throw new FormatError('a hash of the proof is not 32 bytes');
  const lines = [HEADER, ...(extra ? [`extra ${toBase64(extra)}`] : []), `index ${index}`, ...hashes.map(toBase64)];
  return `${lines.join('\n')}\n\n${checkpoint}`;
}

/** @throws FormatError; says nothing of whether the proof holds */
export function parseTlogProof(text: string): TlogProof {
  const end = text.indexOf('\n\n');
  if (end < 0) throw new FormatError('the proof has no blank line before its checkpoint');
  const lines = text.slice(0, end).split('\n');
  if (lines.shift() !== HEADER) throw new FormatError(`the proof does not begin with ${HEADER}`);
  const extra = lines[0]?.startsWith('extra ') ? fromBase64(lines.shift()!.slice('extra '.length)) : null;
  const indexLine = lines.shift();
  if (!indexLine?.startsWith('index ')) throw new FormatError('the proof has no index');
  if (lines.length > MAX_HASHES) throw new FormatError(`the proof has more than ${MAX_HASHES} hashes`);
  const hashes = lines.map(fromBase64);
  if (hashes.some((hash) => hash.length !== HASH_BYTES)) throw new FormatError('a hash of the proof is not 32 bytes');
  return {
    index: parseDecimal(indexLine.slice('index '.length), 'the index of the proof'),
    hashes,
    checkpoint: text.slice(end + 2),
    extra,
  };
}
