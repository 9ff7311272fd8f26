import { CHUNK_ID_BYTES, type TreeSegment } from '#dataset';
import { ChunkIndex, type ChunkPlace } from './chunk-index.js';
import type { JournalSegment } from './journal.js';

/** A segment that the server holds. */
export interface KnownSegment extends JournalSegment {
  ordinal: number;
}

/**
 * The segments of a dataset by the client's own numbers, which the file tree uses: those of earlier runs, those just
 * uploaded, and the open one, whose record comes later.
 */
export class KnownSegments {
  private readonly chunks = new ChunkIndex();
  private readonly segments: (KnownSegment | null)[] = [];
  private readonly used = new Set<number>();

  /** Adds a segment that the server holds and makes its chunks findable. */
  add(segment: KnownSegment): void {
    const number = this.segments.push(segment) - 1;
    for (let index = 0; index < segment.lengths.length; index += 1) {
      this.chunks.set(idAt(segment, index), { segment: number, index });
    }
  }

  /** Draws the number of a segment that is about to be packed. */
  reserve(): number {
    return this.segments.push(null) - 1;
  }

  /** Fills a reserved number once the server holds the segment. */
  settle(number: number, segment: KnownSegment): void {
    this.segments[number] = segment;
  }

  /** Where a chunk is packed already, or null. What is found counts as used by this version. */
  find(id: Buffer): ChunkPlace | null {
    const place = this.chunks.find(id);
    if (place) this.used.add(place.segment);
    return place;
  }

  remember(id: Buffer, place: ChunkPlace): void {
    this.chunks.set(id, place);
    this.used.add(place.segment);
  }

  /** The segments that this version is made of, by number. @throws when one of them was never uploaded */
  *inUse(): Iterable<{ number: number; segment: KnownSegment }> {
    for (const number of [...this.used].sort((a, b) => a - b)) yield { number, segment: this.uploaded(number) };
  }

  /** @throws when the segment of this number was not uploaded */
  uploaded(number: number): KnownSegment {
    const segment = this.segments[number];
    if (!segment) throw new Error(`segment ${number} was not uploaded`);
    return segment;
  }
}

/** A segment's line of the file tree. */
export function treeSegment(number: number, segment: JournalSegment): TreeSegment {
  return {
    t: 'segment',
    n: number,
    id: segment.record.id,
    chunks: [...segment.lengths].map((length, index) => [idAt(segment, index).toString('base64'), length]),
  };
}

/** The chunks of a segment's line of the file tree, as they are kept here. */
export function packedChunks({ chunks }: TreeSegment): { ids: Buffer; lengths: Uint32Array } {
  const ids = Buffer.alloc(chunks.length * CHUNK_ID_BYTES);
  for (const [index, [id]] of chunks.entries()) ids.write(id, index * CHUNK_ID_BYTES, 'base64');
  return { ids, lengths: Uint32Array.from(chunks, ([, length]) => length) };
}

function idAt({ ids }: JournalSegment, index: number): Buffer {
  return ids.subarray(index * CHUNK_ID_BYTES, (index + 1) * CHUNK_ID_BYTES);
}
