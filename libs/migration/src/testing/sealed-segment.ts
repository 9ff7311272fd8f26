import { createHash } from 'node:crypto';
import {
  chunkId,
  type DatasetKeys,
  type SegmentKind,
  type SegmentRecord,
  SegmentsRoot,
  sealSegment,
  toRanges,
  wrapSegmentKey,
} from '#dataset';
import { ReedSolomon, shardRoots } from '#erasure';
import { newId } from '#kernel';
import { TreeHasher } from '#merkle';

/** A segment as a client would seal it, 4+2, with its ciphertext. */
export function sealedSegment(
  keys: DatasetKeys,
  payload: Uint8Array,
  kind: SegmentKind = 'data',
): { record: SegmentRecord; bytes: Buffer } {
  const id = newId('segment');
  const { bytes, key } = sealSegment(id, kind, [{ id: chunkId(keys, payload), length: payload.length }], payload);
  const hasher = new TreeHasher((data) => createHash('sha256').update(data).digest());
  const roots = shardRoots(hasher, new ReedSolomon({ dataShards: 4, parityShards: 2 }).encode(bytes));
  return {
    bytes,
    record: {
      v: 1,
      id,
      kind,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      size: bytes.length,
      k: 4,
      m: 2,
      roots: roots.map((root) => Buffer.from(root).toString('hex')),
      key: wrapSegmentKey(keys, id, key).toString('base64'),
    },
  };
}

/** The `segments` member of a manifest over segments with the ordinals they were given. */
export function segmentsOf(segments: { ordinal: number; record: SegmentRecord }[]) {
  const sorted = [...segments].sort((a, b) => a.ordinal - b.ordinal);
  const root = new SegmentsRoot();
  for (const { record } of sorted) root.add(record);
  return {
    count: sorted.length,
    bytes: sorted.reduce((sum, { record }) => sum + record.size, 0),
    ranges: toRanges(sorted.map(({ ordinal }) => ordinal)),
    root: root.digest().toString('hex'),
  };
}
