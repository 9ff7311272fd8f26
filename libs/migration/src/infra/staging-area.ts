/**
 * Uploaded ciphertext on its way to the storage nodes: `<folder>/<tenant>/<segment>`, one file each. Written to a draft,
 * synced, renamed and its folder synced, so that a file with a segment's name is always whole.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { DomainError, parseId, type SegmentId, type TenantId } from '#kernel';
import { DigestMismatchError } from '../domain/migration.errors.js';

const DRAFTS = 'drafts';
/** Hashed and written at once: a network's pieces are too small for a call each. */
const WRITE_BYTES = 512 * 1024;
/** No upload takes longer than its ticket lives. */
const STALE_DRAFT_MS = 60 * 60 * 1000;

export abstract class StagingOptions {
  /** Folder that the data process and the workers see alike. */
  abstract readonly stagingDir: string;
  /** Bytes that may wait for their placement; beyond that uploads are asked to come again. */
  abstract readonly stagingLimitBytes: number;
}

export class StagingArea {
  private readonly knownFolders = new Set<string>();

  constructor(private readonly folder: string) {}

  /** The ids are checked again: nothing else than an id may become a part of a path. */
  pathOf(tenantId: TenantId, segmentId: SegmentId): string {
    return join(this.folder, parseId('tenant', tenantId), parseId('segment', segmentId));
  }

  /** Makes the folders and removes the drafts that killed processes left; to be called once at boot. */
  async prepare(): Promise<void> {
    const drafts = join(this.folder, DRAFTS);
    await mkdir(drafts, { recursive: true, mode: 0o750 });
    for (const name of await readdir(drafts)) {
      const path = join(drafts, name);
      const found = await stat(path).catch(() => null);
      if (found && Date.now() - found.mtimeMs > STALE_DRAFT_MS) await unlink(path).catch(() => undefined);
    }
  }

  /**
   * Takes a body in, durably. Memory holds a small part of it at a time.
   * @throws DigestMismatchError when it is not the bytes announced; nothing is kept then
   * @throws DomainError `StagingFull` when the disk is full
   */
  async receive(
    tenantId: TenantId,
    segment: { id: SegmentId; sha256: string; size: number },
    body: Readable,
  ): Promise<void> {
    const target = this.pathOf(tenantId, segment.id);
    const draft = join(this.folder, DRAFTS, `${segment.id}.${randomBytes(6).toString('hex')}`);
    try {
      await this.writeDraft(draft, segment, body);
      const folder = join(target, '..');
      await this.ensureFolder(folder);
      await rename(draft, target);
      await syncFolder(folder);
    } catch (error) {
      await unlink(draft).catch(() => undefined);
      this.knownFolders.clear();
      if (['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) {
        throw new DomainError('storage-full', 'StagingFull', 'The staging disk is full; nothing was stored.', {
          cause: error,
        });
      }
      throw error;
    }
  }

  /** Removes a segment's file, if it is there. */
  async remove(tenantId: TenantId, segmentId: SegmentId): Promise<void> {
    await unlink(this.pathOf(tenantId, segmentId)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }

  private async writeDraft(
    draft: string,
    segment: { id: SegmentId; sha256: string; size: number },
    body: Readable,
  ): Promise<void> {
    const hash = createHash('sha256');
    const file = await open(draft, 'wx', 0o640);
    try {
      const batch = Buffer.allocUnsafe(WRITE_BYTES);
      let filled = 0;
      let size = 0;
      const flush = async () => {
        hash.update(batch.subarray(0, filled));
        for (let at = 0; at < filled; ) at += (await file.write(batch, at, filled - at)).bytesWritten;
        filled = 0;
      };
      for await (const piece of body as AsyncIterable<Buffer>) {
        size += piece.length;
        if (size > segment.size) throw new DigestMismatchError(segment.id, `more than ${segment.size} bytes came`);
        for (let at = 0; at < piece.length; ) {
          const copied = piece.copy(batch, filled, at);
          at += copied;
          filled += copied;
          if (filled === WRITE_BYTES) await flush();
        }
      }
      await flush();
      if (size !== segment.size) throw new DigestMismatchError(segment.id, `${size} of ${segment.size} bytes came`);
      if (hash.digest('hex') !== segment.sha256) throw new DigestMismatchError(segment.id, 'its SHA-256 differs');
      await file.sync();
    } finally {
      await file.close();
    }
  }

  private async ensureFolder(folder: string): Promise<void> {
    if (this.knownFolders.has(folder)) return;
    await mkdir(folder, { recursive: true, mode: 0o750 });
    await syncFolder(this.folder);
    this.knownFolders.add(folder);
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
