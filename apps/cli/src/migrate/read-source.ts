import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { DatasetKeys } from '#dataset';
import { Chunker, gearTable } from '#erasure';
import type { ScannedEntry } from './scan-folder.js';

const PIECE_BYTES = 1024 * 1024;
/** The piece that is cut, the one before (a chunk may begin in it) and the one that is read meanwhile. */
const PIECES = 3;
const TRIES = 3;

/** What became of a file that was read. `changing` when it never held still. */
export type ReadOutcome =
  | { kind: 'read'; size: number; mtimeNs: bigint; mode: number }
  | { kind: 'vanished' | 'changing' };

/**
 * Cuts files into chunks, reading ahead by one piece. Buffers are used again in turn: a chunk is a view that is good until
 * `onChunk` returns.
 */
export class SourceReader {
  private readonly chunker: Chunker;
  private readonly pieces = Array.from({ length: PIECES }, () => Buffer.allocUnsafeSlow(PIECE_BYTES));
  private turn = 0;

  constructor(keys: DatasetKeys) {
    this.chunker = new Chunker(gearTable(keys.chunkerSeed, (data) => createHash('sha256').update(data).digest()));
  }

  /**
   * Reads a file to its end. When it changes while it is read, `onRestart` is told and it is read again; after a few tries
   * it is `changing`. @throws what the file system throws
   */
  async read(
    entry: ScannedEntry,
    onChunk: (chunk: Uint8Array) => Promise<void>,
    onRestart: () => void,
  ): Promise<ReadOutcome> {
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const outcome = await this.readOnce(entry, onChunk);
      if (outcome.kind !== 'changing') return outcome;
      onRestart();
    }
    return { kind: 'changing' };
  }

  private async readOnce(entry: ScannedEntry, onChunk: (chunk: Uint8Array) => Promise<void>): Promise<ReadOutcome> {
    const file = await openUnlessGone(entry.fullPath);
    if (!file) return { kind: 'vanished' };
    try {
      const before = await file.stat({ bigint: true });
      const size = await this.cut(file, onChunk);
      const after = await file.stat({ bigint: true });
      if (before.mtimeNs !== after.mtimeNs || after.size !== BigInt(size)) return { kind: 'changing' };
      return { kind: 'read', size, mtimeNs: after.mtimeNs, mode: Number(after.mode) & 0o7777 };
    } finally {
      await file.close();
    }
  }

  private async cut(file: FileHandle, onChunk: (chunk: Uint8Array) => Promise<void>): Promise<number> {
    let size = 0;
    let next = this.fill(file, 0);
    for (;;) {
      const piece = await next;
      size += piece.length;
      const last = piece.length < PIECE_BYTES;
      if (!last) next = this.fill(file, size);
      try {
        for (const chunk of this.chunker.push(piece)) await onChunk(chunk);
        if (last) break;
      } catch (error) {
        await next.catch(() => undefined);
        this.chunker.finish();
        throw error;
      }
    }
    const tail = this.chunker.finish();
    if (tail) await onChunk(tail);
    return size;
  }

  /** A piece from `position` on; shorter only at the end of the file, so that a chunk spans at most two pieces. */
  private async fill(file: FileHandle, position: number): Promise<Buffer> {
    const buffer = this.pieces[this.turn]!;
    this.turn = (this.turn + 1) % PIECES;
    let filled = 0;
    while (filled < PIECE_BYTES) {
      const { bytesRead } = await file.read(buffer, filled, PIECE_BYTES - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  }
}

/** Null when it is gone, or is no longer a file: a link that took its place is not followed. */
async function openUnlessGone(path: Buffer): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENXIO'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
