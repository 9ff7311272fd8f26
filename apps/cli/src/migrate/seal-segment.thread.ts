/** The entry of a sealing thread: encrypts a packed segment, cuts it as the server will, and hashes all of it. */
import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { type DatasetKeys, type SegmentKind, type SegmentRecord, sealSegment, wrapSegmentKey } from '#dataset';
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
  /** Comes back with the answer, to be filled again. */
  buffer: ArrayBuffer;
  payloadBytes: number;
}

export type SealAnswer =
  | { number: number; record: SegmentRecord; bytes: Uint8Array; buffer: ArrayBuffer }
  | { number: number; failure: string };

const port = parentPort;
if (!port) throw new Error('seal-segment.thread is started as a worker thread');

const { k, m, keys: given } = workerData as SealingThreadData;
// Buffers arrive in a thread as plain arrays.
const keys: DatasetKeys = { ...given, segmentWrap: Buffer.from(given.segmentWrap) };
const code = new ReedSolomon({ dataShards: k, parityShards: m });
const hasher = new TreeHasher((data) => createHash('sha256').update(data).digest());

port.on('message', (request: SealRequest) => {
  try {
    const answer = seal(request);
    const { bytes } = answer;
    const own = bytes.byteLength === bytes.buffer.byteLength ? [bytes.buffer as ArrayBuffer] : [];
    port.postMessage(answer, [request.buffer, ...own]);
  } catch (error) {
    port.postMessage({ number: request.number, failure: (error as Error).message } satisfies SealAnswer);
  }
});

function seal(request: SealRequest): Extract<SealAnswer, { record: SegmentRecord }> {
  const { number, id, kind, ids, lengths, buffer, payloadBytes } = request;
  const chunks = [...lengths].map((length, index) => ({ id: ids.subarray(index * 32, index * 32 + 32), length }));
  const { bytes, key } = sealSegment(id, kind, chunks, new Uint8Array(buffer, 0, payloadBytes));
  const record: SegmentRecord = {
    v: 1,
    id,
    kind,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    size: bytes.length,
    k,
    m,
    roots: shardRoots(hasher, code.encode(bytes)).map((root) => Buffer.from(root).toString('hex')),
    key: wrapSegmentKey(keys, id, key).toString('base64'),
  };
  return { number, record, bytes, buffer };
}
