/** The entry of a sealing thread: encrypts a packed segment, cuts it as the server will, and hashes all of it. */
import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import {
  type DatasetKeys,
  SEGMENT_MAX_BYTES,
  type SegmentKind,
  type SegmentRecord,
  sealSegment,
  wrapSegmentKey,
} from '#dataset';
import { ReedSolomon, shardRoots } from '#erasure';
import type { SegmentId } from '#kernel';
import { TreeHasher } from '#merkle';

export interface SealingThreadData {
  keys: DatasetKeys;
  k: number;
  m: number;
}

export interface SealRequest {
  number: number;
  id: SegmentId;
  kind: SegmentKind;
  /** 32 bytes for each chunk, one after the other. */
  ids: Uint8Array;
  lengths: Uint32Array;
  /** The chunks, one after the other; not written to until the answer. */
  buffer: SharedArrayBuffer;
  /** Where the container goes. */
  out: SharedArrayBuffer;
  payloadBytes: number;
}

export type SealAnswer = { number: number; record: SegmentRecord } | { number: number; failure: string };

const port = parentPort;
if (!port) throw new Error('seal-segment.thread is started as a worker thread');

const { k, m, keys: given } = workerData as SealingThreadData;
// Buffers arrive in a thread as plain arrays.
const keys: DatasetKeys = { ...given, segmentWrap: Buffer.from(given.segmentWrap) };
const code = new ReedSolomon({ dataShards: k, parityShards: m });
/** Parity and padded shards, of one segment after the other. */
const room = new Uint8Array(SEGMENT_MAX_BYTES);
const hasher = new TreeHasher((data) => createHash('sha256').update(data).digest());

port.on('message', (request: SealRequest) => {
  try {
    port.postMessage(seal(request));
  } catch (error) {
    port.postMessage({ number: request.number, failure: (error as Error).message } satisfies SealAnswer);
  }
});

function seal(request: SealRequest): Extract<SealAnswer, { record: SegmentRecord }> {
  const { number, id, kind, ids, lengths, buffer, payloadBytes, out } = request;
  const chunks = [...lengths].map((length, index) => ({ id: ids.subarray(index * 32, index * 32 + 32), length }));
  const { bytes, key } = sealSegment(id, kind, chunks, new Uint8Array(buffer, 0, payloadBytes), out);
  const record: SegmentRecord = {
    v: 1,
    id,
    kind,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    size: bytes.length,
    k,
    m,
    roots: shardRoots(hasher, code.encode(bytes, room)).map((root) => Buffer.from(root).toString('hex')),
    key: wrapSegmentKey(keys, id, key).toString('base64'),
  };
  return { number, record };
}
