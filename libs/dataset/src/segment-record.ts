/**
 * What the server knows of a segment, and the client signs: which ciphertext, cut how, with which shard roots, and the
 * wrapped key that would open it. No name, no chunk id, no plaintext. Format: docs/formats/manifest-v1.md.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson, idPattern, type SegmentId } from '#kernel';
import { TreeAppender, TreeHasher } from '#merkle';
import { SEGMENT_MAX_BYTES, type SegmentKind } from './segment-container.js';
import { WRAPPED_SEGMENT_KEY_BYTES } from './segment-key.js';

const hex32 = z.string().regex(/^[0-9a-f]{64}$/);
const wrappedKeyText = z
  .string()
  .regex(/^[A-Za-z0-9+/]+={0,2}$/)
  .refine((text) => Buffer.from(text, 'base64').length === WRAPPED_SEGMENT_KEY_BYTES, {
    message: `not ${WRAPPED_SEGMENT_KEY_BYTES} bytes in base64`,
  });

/** A segment record v1. `roots` has one RFC 6962 root (hex) for each of the k+m shards, in slot order. */
export const segmentRecordSchema = z
  .strictObject({
    v: z.literal(1),
    id: z.string().regex(idPattern('segment')),
    kind: z.enum(['data', 'tree']),
    sha256: hex32,
    size: z.int().min(1).max(SEGMENT_MAX_BYTES),
    k: z.int().min(1).max(128),
    m: z.int().min(1).max(128),
    roots: z.array(hex32).min(2).max(256),
    key: wrappedKeyText,
  })
  .refine((record) => record.roots.length === record.k + record.m, {
    path: ['roots'],
    message: 'there is one shard root for each of the k + m shards',
  });

export interface SegmentRecord {
  v: 1;
  id: SegmentId;
  kind: SegmentKind;
  /** SHA-256 of the container, lower-case hex. */
  sha256: string;
  /** Bytes of the container. */
  size: number;
  k: number;
  m: number;
  roots: string[];
  /** The wrapped segment key, base64. */
  key: string;
}

/** The bytes of a record that are hashed: canonical JSON of exactly its nine members. */
export function segmentRecordBytes({ v, id, kind, sha256, size, k, m, roots, key }: SegmentRecord): Uint8Array {
  return canonicalJson({ v, id, kind, sha256, size, k, m, roots: [...roots], key });
}

/**
 * Builds the segments root of a manifest: the RFC 6962 root over the records' bytes in ascending ordinal. Fed in batches,
 * it keeps 8 KiB a level, however many segments there are.
 */
export class SegmentsRoot {
  private readonly hasher = new TreeHasher((data) => createHash('sha256').update(data).digest());
  private readonly tree = TreeAppender.empty(this.hasher);

  add(record: SegmentRecord): void {
    this.tree.append([this.hasher.leaf(segmentRecordBytes(record))]);
  }

  get count(): number {
    return this.tree.size;
  }

  /** 32 bytes. */
  digest(): Buffer {
    return Buffer.from(this.tree.root());
  }
}
