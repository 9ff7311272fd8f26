import {
  type ChunkRun,
  chunkId,
  type DatasetKeys,
  encodePath,
  encodeTarget,
  FileHasher,
  linkStaysInside,
} from '#dataset';
import { SourceUnreadableError } from './client-errors.js';
import type { KnownSegments } from './known-segments.js';
import { SourceReader } from './read-source.js';
import { type ScannedEntry, scanFolder } from './scan-folder.js';
import type { SegmentPacker } from './segment-packer.js';
import type { SegmentUploader } from './segment-uploader.js';
import type { TreeSpool } from './tree-spool.js';

/** Something of the source that is not moved as it is, and why. */
export interface SourceNote {
  path: string;
  why: string;
}

export interface PackProgress {
  files: number;
  bytes: number;
  /** Bytes that no earlier chunk had. */
  newBytes: number;
}

export interface PackParts {
  keys: DatasetKeys;
  known: KnownSegments;
  packer: SegmentPacker;
  uploader: SegmentUploader;
  spool: TreeSpool;
  skipUnreadable: boolean;
  progress: PackProgress;
  onProgress: () => void;
  signal?: AbortSignal;
}

/** Reads a folder, packs what is new and notes every entry in the spool. Gives what was left out. */
export class SourcePacker {
  readonly notes: SourceNote[] = [];
  private readonly reader: SourceReader;

  constructor(private readonly parts: PackParts) {
    this.reader = new SourceReader(parts.keys);
  }

  /** @throws SourceUnreadableError unless what cannot be read may be skipped */
  async pack(folder: Buffer): Promise<void> {
    const { skipUnreadable, packer, uploader, signal, onProgress } = this.parts;
    const onUnreadable = skipUnreadable ? (path: string, why: string) => this.note(path, why) : undefined;
    for await (const entry of scanFolder(folder, { onUnreadable })) {
      signal?.throwIfAborted();
      await this.packEntry(entry);
      onProgress();
    }
    const last = packer.close();
    if (last) uploader.start(last);
  }

  private async packEntry(entry: ScannedEntry): Promise<void> {
    const { spool } = this.parts;
    const mode = Number(entry.stats.mode) & 0o7777;
    const mtime = entry.stats.mtimeNs.toString();
    switch (entry.kind) {
      case 'dir':
        await spool.add({ t: 'dir', ...encodePath(entry.path), mode, mtime });
        return;
      case 'link':
        if (!linkStaysInside(entry.path, entry.target!)) {
          this.note(entry.path.toString(), 'a link to outside of the folder: kept, and not restored unless asked for');
        }
        await spool.add({ t: 'link', ...encodePath(entry.path), ...encodeTarget(entry.target!), mtime });
        return;
      case 'special':
        this.note(entry.path.toString(), 'a socket, pipe or device: not moved');
        return;
      case 'file':
        await this.packFile(entry);
    }
  }

  private async packFile(entry: ScannedEntry): Promise<void> {
    const { keys, progress, spool } = this.parts;
    let hasher = new FileHasher(keys);
    let runs: ChunkRun[] = [];
    const readBefore = progress.bytes;
    const restart = () => {
      hasher = new FileHasher(keys);
      runs = [];
      progress.bytes = readBefore;
    };
    const outcome = await this.reader
      .read(
        entry,
        async (chunk) => {
          const id = chunkId(keys, chunk);
          hasher.add(id, chunk.length);
          appendToRuns(runs, await this.place(id, chunk));
          progress.bytes += chunk.length;
        },
        restart,
      )
      .catch((error: unknown) => this.unreadable(entry, error));
    if (outcome.kind !== 'read') {
      restart();
      if (outcome.kind === 'changing') this.giveUp(entry, 'it changed each time it was read', 'stop what writes to it');
      return;
    }
    const { size, mtimeNs, mode } = outcome;
    const hash = hasher.digest().toString('base64');
    await spool.add({
      t: 'file',
      ...encodePath(entry.path),
      mode,
      mtime: mtimeNs.toString(),
      size,
      hash,
      chunks: runs,
    });
    progress.files += 1;
  }

  private async place(id: Buffer, chunk: Uint8Array): Promise<{ segment: number; index: number }> {
    const { known, packer, uploader, progress } = this.parts;
    const existing = known.find(id);
    if (existing) return existing;
    const { full, ...place } = await packer.add(id, chunk);
    if (full) uploader.start(full);
    known.remember(id, place);
    progress.newBytes += chunk.length;
    return place;
  }

  private unreadable(entry: ScannedEntry, error: unknown): { kind: 'vanished' } {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['EACCES', 'EPERM', 'EIO'].includes(code)) throw error;
    this.giveUp(entry, `it cannot be read (${code})`, 'make it readable');
    return { kind: 'vanished' };
  }

  private giveUp(entry: ScannedEntry, why: string, fix: string): void {
    const path = entry.fullPath.toString();
    if (!this.parts.skipUnreadable)
      throw new SourceUnreadableError(path, why, `${fix}, or leave it out with --skip-unreadable`);
    this.note(path, why);
  }

  private note(path: string, why: string): void {
    this.notes.push({ path, why });
  }
}

/** Adds a chunk to the last run when it follows it. */
function appendToRuns(runs: ChunkRun[], { segment, index }: { segment: number; index: number }): void {
  const last = runs.at(-1);
  if (last && last[0] === segment && last[1] + last[2] === index) last[2] += 1;
  else runs.push([segment, index, 1]);
}
