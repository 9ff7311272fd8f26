/**
 * What goes where when a dataset is restored, as a whole before the first byte is written: for each segment the stretches of
 * it that belong into files. Each segment is then fetched once, whatever the order in which files share chunks. Kept in
 * typed arrays: 20 bytes for a run of chunks.
 */
import {
  CHUNK_ID_BYTES,
  CorruptDatasetError,
  type DatasetKeys,
  FileHasher,
  pathOf,
  type TreeDir,
  type TreeEntry,
  type TreeFile,
  type TreeSegment,
  targetOf,
} from '#dataset';
import type { SegmentId } from '#kernel';
import { GrowingNumbers } from './growing-numbers.js';

export interface PlannedFile {
  path: Buffer;
  mode: number;
  mtimeNs: bigint;
  size: number;
  /** Bytes that are not written yet. */
  missing: number;
}

export interface PlannedDir {
  path: Buffer;
  mode: number;
  mtimeNs: bigint;
}

export interface PlannedLink {
  path: Buffer;
  target: Buffer;
  mtimeNs: bigint;
}

/** A segment as the tree describes it. */
export interface PlannedSegment {
  id: SegmentId;
  ids: Buffer;
  /** Where each chunk ends in the segment's payload. */
  ends: Uint32Array;
}

/** Chunks `first .. first + count - 1` of a segment that belong into a file at `offset`, one after the other. */
export interface Stretch {
  first: number;
  count: number;
  file: number;
  offset: number;
}

export class RestorePlan {
  readonly files: PlannedFile[] = [];
  readonly dirs: PlannedDir[] = [];
  readonly links: PlannedLink[] = [];
  private readonly segments = new Map<number, PlannedSegment>();
  private readonly stretchesOf = new Map<number, number[]>();
  private readonly first = new GrowingNumbers(Uint32Array);
  private readonly count = new GrowingNumbers(Uint32Array);
  private readonly file = new GrowingNumbers(Uint32Array);
  private readonly offset = new GrowingNumbers(Float64Array);

  constructor(private readonly keys: DatasetKeys) {}

  /** Takes the next line of the tree, which its reader has checked. @throws CorruptDatasetError for a file whose keyed hash is not that of its chunks */
  add(line: TreeSegment | TreeEntry): void {
    switch (line.t) {
      case 'segment':
        this.segments.set(line.n, planSegment(line));
        return;
      case 'dir':
        this.dirs.push(planDir(line));
        return;
      case 'link':
        this.links.push({ path: pathOf(line), target: targetOf(line), mtimeNs: BigInt(line.mtime) });
        return;
      case 'file':
        this.addFile(line);
    }
  }

  /** The segments that files need, in the order of the tree. */
  *neededSegments(): Iterable<{ segment: PlannedSegment; stretches: Stretch[] }> {
    for (const [number, rows] of [...this.stretchesOf].sort(([a], [b]) => a - b)) {
      const stretches = rows.map((row) => ({
        first: this.first.at(row),
        count: this.count.at(row),
        file: this.file.at(row),
        offset: this.offset.at(row),
      }));
      yield { segment: this.segments.get(number)!, stretches };
    }
  }

  private addFile(line: TreeFile): void {
    const number = this.files.length;
    const hasher = new FileHasher(this.keys);
    let offset = 0;
    for (const [n, first, count] of line.chunks) {
      const segment = this.segments.get(n)!;
      const rows = this.stretchesOf.get(n) ?? [];
      this.stretchesOf.set(n, rows);
      this.first.push(first);
      this.count.push(count);
      this.file.push(number);
      rows.push(this.offset.push(offset));
      for (let index = first; index < first + count; index += 1) {
        const length = chunkLength(segment, index);
        hasher.add(segment.ids.subarray(index * CHUNK_ID_BYTES, (index + 1) * CHUNK_ID_BYTES), length);
        offset += length;
      }
    }
    const path = pathOf(line);
    if (hasher.digest().toString('base64') !== line.hash) {
      throw new CorruptDatasetError(
        'file tree',
        `the keyed hash of ${JSON.stringify(path.toString())} is not that of its chunks`,
      );
    }
    this.files.push({ path, mode: line.mode, mtimeNs: BigInt(line.mtime), size: line.size, missing: line.size });
  }
}

/** Where a chunk begins in its segment's payload. */
export function chunkStart(segment: PlannedSegment, index: number): number {
  return index === 0 ? 0 : segment.ends[index - 1]!;
}

function chunkLength(segment: PlannedSegment, index: number): number {
  return segment.ends[index]! - chunkStart(segment, index);
}

function planSegment({ id, chunks }: TreeSegment): PlannedSegment {
  const ids = Buffer.alloc(chunks.length * CHUNK_ID_BYTES);
  const ends = new Uint32Array(chunks.length);
  let end = 0;
  for (const [index, [chunk, length]] of chunks.entries()) {
    ids.write(chunk, index * CHUNK_ID_BYTES, 'base64');
    end += length;
    ends[index] = end;
  }
  return { id, ids, ends };
}

function planDir(line: TreeDir): PlannedDir {
  return { path: pathOf(line), mode: line.mode, mtimeNs: BigInt(line.mtime) };
}
