import { CHUNK_ID_BYTES, SEGMENT_TARGET_BYTES, type SegmentKind } from '#dataset';
import { newId } from '#kernel';
import type { PackedSegment } from './sealing-thread.js';

/** A segment that is full, and the client's number for it. */
export interface FullPack {
  number: number;
  pack: PackedSegment;
}

/** Collects chunks in a buffer until they make a segment. */
export class SegmentPacker {
  private buffer: Uint8Array | null = null;
  private filled = 0;
  private number = -1;
  private ids: Uint8Array[] = [];
  private lengths: number[] = [];

  constructor(
    private readonly kind: SegmentKind,
    private readonly takeBuffer: () => Promise<SharedArrayBuffer>,
    private readonly nextNumber: () => number,
  ) {}

  /**
   * Copies a chunk in and says where it went; `full` is the segment that had no room for it, to be sealed now. A chunk is
   * at most as long as a segment.
   */
  async add(id: Uint8Array, chunk: Uint8Array): Promise<{ segment: number; index: number; full: FullPack | null }> {
    const full = this.filled + chunk.length > SEGMENT_TARGET_BYTES ? this.close() : null;
    if (!this.buffer) {
      this.buffer = new Uint8Array(await this.takeBuffer());
      this.number = this.nextNumber();
    }
    this.buffer.set(chunk, this.filled);
    this.filled += chunk.length;
    this.ids.push(id);
    this.lengths.push(chunk.length);
    return { segment: this.number, index: this.lengths.length - 1, full };
  }

  /** Ends the open segment; null when there is none. */
  close(): FullPack | null {
    if (!this.buffer) return null;
    const ids = new Uint8Array(this.ids.length * CHUNK_ID_BYTES);
    for (const [index, id] of this.ids.entries()) ids.set(id, index * CHUNK_ID_BYTES);
    const pack: PackedSegment = {
      id: newId('segment'),
      kind: this.kind,
      ids,
      lengths: Uint32Array.from(this.lengths),
      buffer: this.buffer.buffer as SharedArrayBuffer,
      payloadBytes: this.filled,
    };
    const full = { number: this.number, pack };
    this.buffer = null;
    this.filled = 0;
    this.ids = [];
    this.lengths = [];
    return full;
  }
}
