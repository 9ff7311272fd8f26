import { createHash, randomFillSync } from 'node:crypto';
import { Chunker, defaultKernel, type GaloisKernel, gearTable, ReedSolomon, scalarKernel, shardRoots } from '#erasure';
import { TreeHasher } from '#merkle';

/** MB/s (10^6 bytes of the segment a second) on one thread; the median of several turns, for the machine is noisy. */
export interface ErasureFigures {
  kernel: string;
  chunkMBps: number;
  encode4p2MBps: number;
  encode10p4MBps: number;
  encode29p51MBps: number;
  /** Two data shards of 4+2 are missing: the most work that decoding can be. */
  decode4p2MBps: number;
  /** One shard of 4+2 from four others, counted in bytes of the segment. */
  repair4p2MBps: number;
  scalarEncode4p2MBps: number;
  /** All six roots of a segment of 4+2. */
  shardRoots4p2MBps: number;
  /** Code and roots together: what placing a segment costs before it is written. */
  encodeAndRoots4p2MBps: number;
}

const SEGMENT_BYTES = 8 * 1024 * 1024;
const STREAM_BYTES = 64 * 1024 * 1024;
const FEED_BYTES = 1024 * 1024;
const TURNS = 9;

const sha256 = (data: Uint8Array): Uint8Array => createHash('sha256').update(data).digest();

/** The speed of the library alone, without files and network. */
export async function run(): Promise<ErasureFigures> {
  const segment = randomFillSync(new Uint8Array(SEGMENT_BYTES));
  const hasher = new TreeHasher(sha256);
  const code = codeOf(4, 2);
  const shards = code.encode(segment);
  const withoutTwo = [null, shards[1]!, null, ...shards.slice(3)];
  const withoutOne = [null, ...shards.slice(1, 5), null];
  return {
    kernel: defaultKernel().name,
    chunkMBps: chunkSpeed(),
    encode4p2MBps: speed(SEGMENT_BYTES, () => code.encode(segment)),
    encode10p4MBps: encodeSpeed(10, 4, segment),
    encode29p51MBps: encodeSpeed(29, 51, segment),
    decode4p2MBps: speed(SEGMENT_BYTES, () => code.decode(withoutTwo, SEGMENT_BYTES)),
    repair4p2MBps: speed(SEGMENT_BYTES, () => code.reconstruct(withoutOne, [0], SEGMENT_BYTES)),
    scalarEncode4p2MBps: encodeSpeed(4, 2, segment, scalarKernel()),
    shardRoots4p2MBps: speed(SEGMENT_BYTES, () => shardRoots(hasher, shards)),
    encodeAndRoots4p2MBps: speed(SEGMENT_BYTES, () => shardRoots(hasher, code.encode(segment))),
  };
}

function chunkSpeed(): number {
  const stream = randomFillSync(new Uint8Array(STREAM_BYTES));
  const chunker = new Chunker(gearTable(new Uint8Array(32), sha256));
  return speed(STREAM_BYTES, () => {
    for (let at = 0; at < STREAM_BYTES; at += FEED_BYTES) chunker.push(stream.subarray(at, at + FEED_BYTES));
    chunker.finish();
  });
}

function encodeSpeed(dataShards: number, parityShards: number, segment: Uint8Array, kernel?: GaloisKernel): number {
  const code = codeOf(dataShards, parityShards, kernel);
  return speed(segment.length, () => code.encode(segment));
}

function codeOf(dataShards: number, parityShards: number, kernel?: GaloisKernel): ReedSolomon {
  return new ReedSolomon({ dataShards, parityShards }, kernel);
}

function speed(bytes: number, work: () => unknown): number {
  const seconds: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const start = performance.now();
    work();
    seconds.push((performance.now() - start) / 1000);
  }
  const median = seconds.sort((a, b) => a - b)[TURNS >> 1]!;
  return Math.round(bytes / median / 1e6);
}
