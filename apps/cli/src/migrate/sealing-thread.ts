import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { projectRoot } from '#config';
import type { DatasetKeys, SegmentKind, SegmentRecord } from '#dataset';
import type { SegmentId } from '#kernel';
import type { SealAnswer, SealingThreadData, SealRequest } from './seal-segment.thread.js';

/** Threads run the build's JavaScript, also when the caller is a test that runs from source. */
const THREAD_FILE = 'dist/apps/cli/src/migrate/seal-segment.thread.js';

/** Chunks that are packed and want to be sealed. `buffer` is not written to until they are. */
export interface PackedSegment {
  id: SegmentId;
  kind: SegmentKind;
  ids: Uint8Array;
  lengths: Uint32Array;
  buffer: SharedArrayBuffer;
  payloadBytes: number;
}

/**
 * Encryption, coding and hashing beside the main thread, which reads, cuts and sends meanwhile. Buffers are shared: handing
 * them over would make the collector of each thread count, and soon collect, megabytes that never are garbage.
 */
export class SealingThread {
  private readonly worker: Worker;
  private readonly waiting = new Map<
    number,
    { resolve: (record: SegmentRecord) => void; reject: (error: Error) => void }
  >();
  private nextNumber = 1;

  constructor(keys: DatasetKeys, shape: { dataShards: number; parityShards: number }) {
    const workerData: SealingThreadData = { keys, k: shape.dataShards, m: shape.parityShards };
    this.worker = new Worker(join(projectRoot(), THREAD_FILE), {
      workerData,
      // It makes few objects; what is large is in buffers that are shared.
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
    });
    this.worker.on('message', (answer: SealAnswer) => {
      const caller = this.waiting.get(answer.number);
      this.waiting.delete(answer.number);
      if ('failure' in answer) caller?.reject(new Error(`sealing failed: ${answer.failure}`));
      else caller?.resolve(answer.record);
    });
    const lose = (error: Error) => {
      for (const caller of this.waiting.values()) caller.reject(error);
      this.waiting.clear();
    };
    this.worker.on('error', lose);
    this.worker.on('exit', () => lose(new Error('the sealing thread ended')));
  }

  /** Seals into `out`, which has SEGMENT_MAX_BYTES; the container's length is the record's size. */
  seal(pack: PackedSegment, out: SharedArrayBuffer): Promise<SegmentRecord> {
    const number = this.nextNumber++;
    return new Promise((resolve, reject) => {
      this.waiting.set(number, { resolve, reject });
      this.worker.postMessage({ number, ...pack, out } satisfies SealRequest);
    });
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }
}
