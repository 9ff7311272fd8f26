/** Keyed hashes of plaintext: equal chunks of one dataset have equal ids, and nobody without the key can test a guess. */
import { createHmac } from 'node:crypto';
import type { DatasetKeys } from './dataset-keys.js';

export const CHUNK_ID_BYTES = 32;

/** The id of a chunk: HMAC-SHA-256 of its plaintext under the dataset's chunk-id key; 32 bytes. */
export function chunkId(keys: DatasetKeys, chunk: Uint8Array): Buffer {
  return createHmac('sha256', keys.chunkId).update(chunk).digest();
}

/**
 * The keyed hash of a file: HMAC-SHA-256 over its size (uint64 big-endian) and the ids of its chunks in order. Each id is
 * itself a keyed hash of plaintext, so the hash fixes every byte, and is made without reading the file twice.
 */
export class FileHasher {
  private readonly hmac;
  private size = 0n;
  private readonly ids: Uint8Array[] = [];

  constructor(keys: DatasetKeys) {
    this.hmac = createHmac('sha256', keys.fileHash);
  }

  add(id: Uint8Array, length: number): void {
    this.ids.push(id);
    this.size += BigInt(length);
  }

  digest(): Buffer {
    const size = Buffer.alloc(8);
    size.writeBigUInt64BE(this.size);
    this.hmac.update(size);
    for (const id of this.ids) this.hmac.update(id);
    return this.hmac.digest();
  }
}
