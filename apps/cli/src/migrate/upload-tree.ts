import { createHmac } from 'node:crypto';
import { chunkId, type DatasetKeys, encodeTreeLine } from '#dataset';
import { type KnownSegments, treeSegment } from './known-segments.js';
import type { SegmentPacker } from './segment-packer.js';
import type { SegmentUploader } from './segment-uploader.js';
import type { TreeSpool } from './tree-spool.js';

/** Bytes of the tree in one chunk of its segments. */
const TREE_CHUNK_BYTES = 1024 * 1024;

/** Packs and uploads the file tree: header, the segments in use, the entries, the counts. Gives its size and keyed hash. */
export async function uploadTree(
  keys: DatasetKeys,
  known: KnownSegments,
  spool: TreeSpool,
  packer: SegmentPacker,
  uploader: SegmentUploader,
): Promise<{ size: number; hash: string }> {
  const hmac = createHmac('sha256', keys.treeHash);
  let size = 0;
  const pending = Buffer.allocUnsafe(TREE_CHUNK_BYTES);
  let filled = 0;
  const pack = async () => {
    const chunk = pending.subarray(0, filled);
    const { full } = await packer.add(chunkId(keys, chunk), chunk);
    if (full) uploader.start(full);
    filled = 0;
  };
  for await (const piece of treePieces(known, spool)) {
    hmac.update(piece);
    size += piece.length;
    for (let at = 0; at < piece.length; ) {
      const taken = Math.min(piece.length - at, TREE_CHUNK_BYTES - filled);
      pending.set(piece.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      if (filled === TREE_CHUNK_BYTES) await pack();
    }
  }
  if (filled > 0) await pack();
  const last = packer.close();
  if (last) uploader.start(last);
  await uploader.finish();
  return { size, hash: hmac.digest('hex') };
}

async function* treePieces(known: KnownSegments, spool: TreeSpool): AsyncIterable<Uint8Array> {
  yield encodeTreeLine({ t: 'tree', v: 1 });
  for (const { number, segment } of known.inUse()) yield encodeTreeLine(treeSegment(number, segment));
  yield* spool.read();
  yield encodeTreeLine({ t: 'end', ...spool.totals });
}
