/** A segment's own key, wrapped under the dataset: a new dataset key re-wraps these and leaves every segment as it is. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { SegmentId } from '#kernel';
import { CorruptDatasetError } from './dataset.errors.js';
import type { DatasetKeys } from './dataset-keys.js';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** nonce || ciphertext || tag. */
export const WRAPPED_SEGMENT_KEY_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES;

/** Binds a wrap to its dataset and segment: moved elsewhere it does not open. */
function wrapAad(keys: DatasetKeys, segmentId: SegmentId): Buffer {
  return Buffer.from(`freehold segment key v1\n${keys.datasetId}\n${segmentId}\n`, 'ascii');
}

/** AES-256-GCM under the segment-wrap key with a random 96-bit nonce; at most 2^32 segments under one dataset key. */
export function wrapSegmentKey(keys: DatasetKeys, segmentId: SegmentId, segmentKey: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keys.segmentWrap, nonce);
  cipher.setAAD(wrapAad(keys, segmentId));
  return Buffer.concat([nonce, cipher.update(segmentKey), cipher.final(), cipher.getAuthTag()]);
}

/** @throws CorruptDatasetError when the wrap was changed or belongs to another segment or dataset. */
export function unwrapSegmentKey(keys: DatasetKeys, segmentId: SegmentId, wrapped: Uint8Array): Buffer {
  if (wrapped.length !== WRAPPED_SEGMENT_KEY_BYTES) {
    throw new CorruptDatasetError(
      `wrapped key of ${segmentId}`,
      `${wrapped.length} bytes, not ${WRAPPED_SEGMENT_KEY_BYTES}`,
    );
  }
  const decipher = createDecipheriv('aes-256-gcm', keys.segmentWrap, wrapped.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(wrapAad(keys, segmentId));
  decipher.setAuthTag(wrapped.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(wrapped.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new CorruptDatasetError(`wrapped key of ${segmentId}`, 'it does not open under this dataset', { cause });
  }
}
