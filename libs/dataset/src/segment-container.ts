/**
 * The segment container v1 (docs/formats/segment-v1.md): a 52-byte header in the clear, then one AES-256-GCM message.
 *
 *   header  magic "FHSEGv1\0" (8) · kind (1) · zero (3) · plaintext length uint32 BE (4) · nonce (12) · id, 21 ASCII bytes
 *           and zeros (24): 52 bytes, all of it the message's AAD
 *   message AES-256-GCM under a key that is drawn for this one segment and never used again; 16-byte tag at the end
 *   plain   chunk count uint32 BE · per chunk: id (32) and length uint32 BE · the chunks, one after the other
 *
 * The operator sees the kind, the size and the id; the number and the lengths of the chunks are encrypted.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { isId, type SegmentId } from '#kernel';
import { CHUNK_ID_BYTES } from './chunk-hash.js';
import { CorruptDatasetError } from './dataset.errors.js';

const MAGIC = Buffer.from('FHSEGv1\0', 'latin1');
const KINDS = { data: 1, tree: 2 } as const;
export type SegmentKind = keyof typeof KINDS;

const KIND_AT = 8;
const LENGTH_AT = 12;
const NONCE_AT = 16;
const NONCE_BYTES = 12;
const ID_AT = 28;
const ID_FIELD_BYTES = 24;
const TAG_BYTES = 16;
const INDEX_ENTRY_BYTES = CHUNK_ID_BYTES + 4;

export const SEGMENT_HEADER_BYTES = ID_AT + ID_FIELD_BYTES;
/** What a packer aims for: plaintext bytes of one segment. */
export const SEGMENT_TARGET_BYTES = 8 * 1024 * 1024;
/** No reader accepts a larger container. */
export const SEGMENT_MAX_BYTES = 16 * 1024 * 1024;

export interface PackedChunk {
  /** 32-byte keyed id. */
  id: Uint8Array;
  length: number;
}

export interface SealedSegment {
  /** The container, as it is uploaded. */
  bytes: Buffer;
  /** The 32-byte key it was sealed under, to be wrapped at once. */
  key: Buffer;
}

/** Encrypted piece by piece: one call would allocate as much again as the segment. */
const PIECE_BYTES = 128 * 1024;

/**
 * Seals chunks into a container under a fresh key.
 * @param payload the chunks' bytes, one after the other, in the order of `chunks`
 * @param into where the container goes; by default a new buffer. Whoever seals many uses SEGMENT_MAX_BYTES again and again.
 * @throws RangeError when the payload is not what the chunks say, or the container would exceed SEGMENT_MAX_BYTES
 */
export function sealSegment(
  id: SegmentId,
  kind: SegmentKind,
  chunks: readonly PackedChunk[],
  payload: Uint8Array,
  into?: ArrayBufferLike,
): SealedSegment {
  const index = encodeIndex(chunks, payload.length);
  const plaintextLength = index.length + payload.length;
  const size = SEGMENT_HEADER_BYTES + plaintextLength + TAG_BYTES;
  if (size > SEGMENT_MAX_BYTES) throw new RangeError(`a segment of ${size} bytes exceeds ${SEGMENT_MAX_BYTES}`);

  const bytes = Buffer.from(into ?? new ArrayBuffer(size), 0, size);
  bytes.fill(0, 0, SEGMENT_HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt8(KINDS[kind], KIND_AT);
  bytes.writeUInt32BE(plaintextLength, LENGTH_AT);
  randomBytes(NONCE_BYTES).copy(bytes, NONCE_AT);
  bytes.write(id, ID_AT, 'ascii');

  const key = randomBytes(32);
  const header = bytes.subarray(0, SEGMENT_HEADER_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, header.subarray(NONCE_AT, NONCE_AT + NONCE_BYTES));
  cipher.setAAD(header);
  let at = SEGMENT_HEADER_BYTES;
  at += cipher.update(index).copy(bytes, at);
  for (let from = 0; from < payload.length; from += PIECE_BYTES) {
    at += cipher.update(payload.subarray(from, from + PIECE_BYTES)).copy(bytes, at);
  }
  at += cipher.final().copy(bytes, at);
  cipher.getAuthTag().copy(bytes, at);
  return { bytes, key };
}

export interface OpenedSegment {
  kind: SegmentKind;
  chunks: { id: Buffer; offset: number; length: number }[];
  /** The chunks' bytes; chunk i is `payload.subarray(offset, offset + length)`. */
  payload: Buffer;
}

/**
 * Opens a container and checks all of it before any byte is handed out.
 * @param into where the plaintext goes, as long as the container; by default a new buffer. What is given back are views of
 *   it, good until it is used again.
 * @throws CorruptDatasetError when it is malformed, changed, or another segment than `id`
 */
export function openSegment(id: SegmentId, key: Uint8Array, bytes: Uint8Array, into?: Uint8Array): OpenedSegment {
  const container = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { kind, plaintextLength } = readHeader(id, container);
  const header = container.subarray(0, SEGMENT_HEADER_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, header.subarray(NONCE_AT, NONCE_AT + NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(header);
  decipher.setAuthTag(container.subarray(-TAG_BYTES));
  const room = into ?? new Uint8Array(plaintextLength);
  const plaintext = Buffer.from(room.buffer, room.byteOffset, plaintextLength);
  const ciphertext = container.subarray(SEGMENT_HEADER_BYTES, SEGMENT_HEADER_BYTES + plaintextLength);
  for (let from = 0; from < ciphertext.length; from += PIECE_BYTES) {
    decipher.update(ciphertext.subarray(from, from + PIECE_BYTES)).copy(plaintext, from);
  }
  try {
    decipher.final();
  } catch (cause) {
    throw new CorruptDatasetError(`segment ${id}`, 'it was changed, or the key is not its own', { cause });
  }
  return { kind, ...decodeIndex(id, plaintext) };
}

/** Reads and checks the clear header alone. */
export function readHeader(id: SegmentId, container: Buffer): { kind: SegmentKind; plaintextLength: number } {
  const refuse = (detail: string) => new CorruptDatasetError(`segment ${id}`, detail);
  if (container.length > SEGMENT_MAX_BYTES) throw refuse(`${container.length} bytes exceed ${SEGMENT_MAX_BYTES}`);
  if (container.length < SEGMENT_HEADER_BYTES + 4 + TAG_BYTES) throw refuse('too short for a segment');
  if (!container.subarray(0, MAGIC.length).equals(MAGIC)) throw refuse('not a segment container v1');
  if (container.readUIntBE(KIND_AT + 1, 3) !== 0) throw refuse('reserved bytes are in use: made by a newer version?');
  const code = container.readUInt8(KIND_AT);
  const kind = (Object.keys(KINDS) as SegmentKind[]).find((name) => KINDS[name] === code);
  if (!kind) throw refuse(`unknown kind ${code}`);
  const field = container.toString('latin1', ID_AT, ID_AT + ID_FIELD_BYTES);
  const stated = field.replace(/\0+$/, '');
  if (!isId('segment', stated)) throw refuse('its header names no segment');
  if (stated !== id) throw refuse(`its header names ${stated}`);
  const plaintextLength = container.readUInt32BE(LENGTH_AT);
  if (plaintextLength !== container.length - SEGMENT_HEADER_BYTES - TAG_BYTES) throw refuse('truncated or extended');
  return { kind, plaintextLength };
}

function encodeIndex(chunks: readonly PackedChunk[], payloadLength: number): Buffer {
  const index = Buffer.alloc(4 + chunks.length * INDEX_ENTRY_BYTES);
  index.writeUInt32BE(chunks.length);
  let total = 0;
  for (const [position, chunk] of chunks.entries()) {
    if (chunk.id.length !== CHUNK_ID_BYTES) throw new RangeError('a chunk id has 32 bytes');
    const at = 4 + position * INDEX_ENTRY_BYTES;
    index.set(chunk.id, at);
    index.writeUInt32BE(chunk.length, at + CHUNK_ID_BYTES);
    total += chunk.length;
  }
  if (total !== payloadLength) throw new RangeError(`chunks of ${total} bytes in a payload of ${payloadLength}`);
  return index;
}

function decodeIndex(id: SegmentId, plaintext: Buffer): Pick<OpenedSegment, 'chunks' | 'payload'> {
  const count = plaintext.readUInt32BE(0);
  const payloadAt = 4 + count * INDEX_ENTRY_BYTES;
  if (payloadAt > plaintext.length) throw new CorruptDatasetError(`segment ${id}`, 'its index exceeds it');
  const payload = plaintext.subarray(payloadAt);
  const chunks: OpenedSegment['chunks'] = [];
  let offset = 0;
  for (let position = 0; position < count; position += 1) {
    const at = 4 + position * INDEX_ENTRY_BYTES;
    const length = plaintext.readUInt32BE(at + CHUNK_ID_BYTES);
    chunks.push({ id: plaintext.subarray(at, at + CHUNK_ID_BYTES), offset, length });
    offset += length;
  }
  if (offset !== payload.length) throw new CorruptDatasetError(`segment ${id}`, 'its index does not add up');
  return { chunks, payload };
}
