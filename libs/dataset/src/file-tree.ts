/**
 * File tree v1: JSON lines, each in canonical form, that say which files a dataset version holds and which chunks they are
 * made of. It exists encrypted only, in segments of kind `tree`. Written and read as a stream.
 *
 *   {"t":"tree","v":1}
 *   {"t":"segment","n":0,"id":"seg-...","chunks":[["<id, base64>",65536],...]}      every segment that the files use
 *   {"t":"dir","path":"a","mode":493,"mtime":"1700000000000000000"}
 *   {"t":"file","path":"a/b","mode":420,"mtime":"...","size":70000,"hash":"<base64>","chunks":[[n,first,count],...]}
 *   {"t":"link","path":"a/c","target":"b","mtime":"..."}
 *   {"t":"end","dirs":1,"files":1,"links":1,"bytes":70000}
 *
 * A name that is not UTF-8 is in `pathBytes` / `targetBytes` (base64) in place of `path` / `target`. A directory comes
 * before what is in it. Format: docs/formats/manifest-v1.md.
 */
import { z } from 'zod';
import { canonicalJson, idPattern, type JsonValue, type SegmentId } from '#kernel';
import { CHUNK_ID_BYTES } from './chunk-hash.js';
import { CorruptDatasetError } from './dataset.errors.js';
import { assertSafePath } from './entry-path.js';

/** Chunks `first .. first + count - 1` of the segment that the tree calls `n`. */
export type ChunkRun = [n: number, first: number, count: number];

export interface TreeSegment {
  t: 'segment';
  n: number;
  id: SegmentId;
  chunks: [id: string, length: number][];
}
interface EntryBase {
  path?: string;
  pathBytes?: string;
  /** Modification time in nanoseconds since the Unix epoch, decimal. */
  mtime: string;
}
export interface TreeDir extends EntryBase {
  t: 'dir';
  mode: number;
}
export interface TreeFile extends EntryBase {
  t: 'file';
  mode: number;
  size: number;
  hash: string;
  chunks: ChunkRun[];
}
export interface TreeLink extends EntryBase {
  t: 'link';
  target?: string;
  targetBytes?: string;
}
export interface TreeEnd {
  t: 'end';
  dirs: number;
  files: number;
  links: number;
  bytes: number;
}
export type TreeEntry = TreeDir | TreeFile | TreeLink;
export type TreeLine = { t: 'tree'; v: 1 } | TreeSegment | TreeEntry | TreeEnd;

const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);
const hash32 = base64.length(44);
const count = z.int().min(0);
const mode = z.int().min(0).max(0o7777);
const mtime = z.string().regex(/^-?(0|[1-9][0-9]{0,20})$/);
const named = { path: z.string().optional(), pathBytes: base64.optional() };

const lineSchema = z.discriminatedUnion('t', [
  z.strictObject({ t: z.literal('tree'), v: z.literal(1) }),
  z.strictObject({
    t: z.literal('segment'),
    n: count,
    id: z.string().regex(idPattern('segment')),
    chunks: z.array(z.tuple([hash32, z.int().min(1)])),
  }),
  z.strictObject({ t: z.literal('dir'), ...named, mode, mtime }),
  z.strictObject({
    t: z.literal('file'),
    ...named,
    mode,
    mtime,
    size: count,
    hash: hash32,
    chunks: z.array(z.tuple([count, count, z.int().min(1)])),
  }),
  z.strictObject({
    t: z.literal('link'),
    ...named,
    target: z.string().optional(),
    targetBytes: base64.optional(),
    mtime,
  }),
  z.strictObject({ t: z.literal('end'), dirs: count, files: count, links: count, bytes: count }),
]);

/** One line of a tree with its line feed. */
export function encodeTreeLine(line: TreeLine): Uint8Array {
  const json = canonicalJson(line as unknown as JsonValue);
  const bytes = new Uint8Array(json.length + 1);
  bytes.set(json);
  bytes[json.length] = 0x0a;
  return bytes;
}

/** `{path}` for a name in UTF-8, `{pathBytes}` for every other. */
export function encodePath(raw: Uint8Array): { path: string } | { pathBytes: string } {
  const text = decodeUtf8(raw);
  return text === null ? { pathBytes: Buffer.from(raw).toString('base64') } : { path: text };
}

export function encodeTarget(raw: Uint8Array): { target: string } | { targetBytes: string } {
  const text = decodeUtf8(raw);
  return text === null ? { targetBytes: Buffer.from(raw).toString('base64') } : { target: text };
}

/** The raw bytes of an entry's path. */
export function pathOf(entry: TreeEntry): Buffer {
  return rawName(entry.path, entry.pathBytes);
}

/** The raw bytes of a link's target. */
export function targetOf(link: TreeLink): Buffer {
  return rawName(link.target, link.targetBytes);
}

function rawName(text: string | undefined, bytes: string | undefined): Buffer {
  return text !== undefined ? Buffer.from(text, 'utf8') : Buffer.from(bytes ?? '', 'base64');
}

function decodeUtf8(raw: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    return null;
  }
}

/** A reader's own bound: no line of a tree is longer. A file of 1 TiB in 64 KiB chunks that alternate between segments stays below. */
const LINE_MAX_BYTES = 512 * 1024 * 1024;

/**
 * Reads a tree from pieces of any size and checks it as a whole: form of every line, safe paths, no path twice, parents
 * that are directories of this tree, runs that lie in a known segment, sizes that add up, and the counts at the end.
 */
export class FileTreeReader {
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;
  private state: 'head' | 'body' | 'end' = 'head';
  private readonly segments = new Map<number, Uint32Array>();
  private readonly seen = new Map<string, TreeEntry['t']>();
  private readonly totals = { dirs: 0, files: 0, links: 0, bytes: 0 };

  constructor(private readonly onLine: (line: TreeSegment | TreeEntry) => void) {}

  /** @throws CorruptDatasetError, UnsafeEntryError */
  push(piece: Uint8Array): void {
    let start = 0;
    for (let feed = piece.indexOf(0x0a); feed !== -1; feed = piece.indexOf(0x0a, start)) {
      this.pending.push(piece.subarray(start, feed));
      const line = this.pending.length === 1 ? this.pending[0]! : Buffer.concat(this.pending);
      this.pending = [];
      this.pendingBytes = 0;
      this.readLine(line);
      start = feed + 1;
    }
    if (start < piece.length) {
      this.pending.push(piece.slice(start));
      this.pendingBytes += piece.length - start;
      if (this.pendingBytes > LINE_MAX_BYTES) throw corrupt('a line without an end');
    }
  }

  /** To be called after the last piece. @throws CorruptDatasetError when the tree was cut off */
  finish(): TreeEnd {
    if (this.state !== 'end' || this.pendingBytes > 0) throw corrupt('cut off');
    return { t: 'end', ...this.totals };
  }

  private readLine(bytes: Uint8Array): void {
    let json: unknown;
    try {
      json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
    } catch {
      throw corrupt('a line is not JSON in UTF-8');
    }
    const parsed = lineSchema.safeParse(json);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw corrupt(`/${issue?.path.join('/') ?? ''}: ${issue?.message ?? 'malformed'}`);
    }
    const line = parsed.data as TreeLine;
    if (this.state === 'end') throw corrupt('lines after its end');
    if ((line.t === 'tree') !== (this.state === 'head')) throw corrupt('its first line, and only that, is the header');
    switch (line.t) {
      case 'tree':
        this.state = 'body';
        return;
      case 'segment':
        this.readSegment(line);
        return;
      case 'end':
        this.checkEnd(line);
        return;
      default:
        this.readEntry(line);
    }
  }

  private readSegment(line: TreeSegment): void {
    if (this.segments.has(line.n)) throw corrupt(`segment ${line.n} is there twice`);
    const lengths = new Uint32Array(line.chunks.length);
    for (const [index, [id, length]] of line.chunks.entries()) {
      if (Buffer.from(id, 'base64').length !== CHUNK_ID_BYTES) throw corrupt(`segment ${line.n}: a malformed chunk id`);
      lengths[index] = length;
    }
    this.segments.set(line.n, lengths);
    this.onLine(line);
  }

  private readEntry(entry: TreeEntry): void {
    if ((entry.path === undefined) === (entry.pathBytes === undefined)) throw corrupt('an entry has one path');
    const raw = pathOf(entry);
    assertSafePath(raw);
    const key = raw.toString('latin1');
    if (this.seen.has(key)) throw corrupt(`${JSON.stringify(raw.toString())} is there twice`);
    const slash = key.lastIndexOf('/');
    if (slash !== -1 && this.seen.get(key.slice(0, slash)) !== 'dir') {
      throw corrupt(`${JSON.stringify(raw.toString())} is not in a directory of this tree`);
    }
    this.seen.set(key, entry.t);
    if (entry.t === 'file') this.checkFile(entry, raw);
    else if (entry.t === 'dir') this.totals.dirs += 1;
    else {
      if ((entry.target === undefined) === (entry.targetBytes === undefined)) throw corrupt('a link has one target');
      this.totals.links += 1;
    }
    this.onLine(entry);
  }

  private checkFile(file: TreeFile, raw: Buffer): void {
    let size = 0;
    for (const [n, first, runLength] of file.chunks) {
      const lengths = this.segments.get(n);
      if (!lengths || first + runLength > lengths.length) {
        throw corrupt(`${JSON.stringify(raw.toString())} uses a chunk that is in no segment`);
      }
      for (let index = first; index < first + runLength; index += 1) size += lengths[index]!;
    }
    if (size !== file.size) throw corrupt(`${JSON.stringify(raw.toString())}: its chunks do not make up its size`);
    this.totals.files += 1;
    this.totals.bytes += size;
  }

  private checkEnd(end: TreeEnd): void {
    const { dirs, files, links, bytes } = this.totals;
    if (end.dirs !== dirs || end.files !== files || end.links !== links || end.bytes !== bytes) {
      throw corrupt('its counts are not those of its entries');
    }
    this.state = 'end';
  }
}

function corrupt(detail: string): CorruptDatasetError {
  return new CorruptDatasetError('file tree', detail);
}
