import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { newId } from '#kernel';
import { chunkId, FileHasher } from './chunk-hash.js';
import { CorruptDatasetError } from './dataset.errors.js';
import { deriveDatasetKeys, newDatasetKey } from './dataset-keys.js';
import { openSegment, SEGMENT_MAX_BYTES, sealSegment } from './segment-container.js';
import { unwrapSegmentKey, wrapSegmentKey } from './segment-key.js';

const keys = deriveDatasetKeys(newId('dataset'), newDatasetKey());

function pack(parts: Uint8Array[]) {
  return {
    chunks: parts.map((part) => ({ id: chunkId(keys, part), length: part.length })),
    payload: Buffer.concat(parts),
  };
}

describe('the segment container', () => {
  it('gives back every chunk, whatever their number and lengths', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 40 }), (parts) => {
        const id = newId('segment');
        const { chunks, payload } = pack(parts);
        const sealed = sealSegment(id, 'data', chunks, payload);
        const opened = openSegment(id, sealed.key, sealed.bytes);
        expect(opened.kind).toBe('data');
        expect(opened.chunks.map(({ offset, length }) => opened.payload.subarray(offset, offset + length))).toEqual(
          parts.map((part) => Buffer.from(part)),
        );
        expect(opened.chunks.map((chunk) => chunk.id)).toEqual(chunks.map((chunk) => chunk.id));
      }),
    );
  });

  it('notices any single changed byte, truncation, extension and another id', () => {
    const id = newId('segment');
    const { chunks, payload } = pack([Buffer.from('first'), Buffer.from('second')]);
    const { bytes, key } = sealSegment(id, 'tree', chunks, payload);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(() => openSegment(id, key, changed)).toThrow(CorruptDatasetError);
    }
    expect(() => openSegment(id, key, bytes.subarray(0, -1))).toThrow(CorruptDatasetError);
    expect(() => openSegment(id, key, Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow(CorruptDatasetError);
    expect(() => openSegment(newId('segment'), key, bytes)).toThrow(CorruptDatasetError);
    expect(openSegment(id, key, bytes).kind).toBe('tree');
  });

  it('seals into and opens in buffers that were used before', () => {
    const id = newId('segment');
    const { chunks, payload } = pack([randomBytes(300_000), randomBytes(5)]);
    const out = new SharedArrayBuffer(1_000_000);
    new Uint8Array(out).fill(0xa5);
    const sealed = sealSegment(id, 'data', chunks, payload, out);
    expect(sealed.bytes.buffer).toBe(out);
    const room = new Uint8Array(400_000).fill(0x5a);
    const opened = openSegment(id, sealed.key, sealed.bytes, room);
    expect(Buffer.compare(opened.payload, payload)).toBe(0);
    expect(opened.payload.buffer).toBe(room.buffer);
  });

  it('never seals twice under one key or to the same bytes', () => {
    const id = newId('segment');
    const { chunks, payload } = pack([Buffer.from('same')]);
    const [first, second] = [sealSegment(id, 'data', chunks, payload), sealSegment(id, 'data', chunks, payload)];
    expect(first.key).not.toEqual(second.key);
    expect(first.bytes).not.toEqual(second.bytes);
  });

  it('shows neither plaintext nor chunk ids, nor how many chunks there are', () => {
    const id = newId('segment');
    const secret = Buffer.from('a sentence that must not be found in the ciphertext');
    const one = pack([secret]);
    const { bytes } = sealSegment(id, 'data', one.chunks, one.payload);
    expect(bytes.includes(secret.subarray(0, 16))).toBe(false);
    expect(bytes.includes(one.chunks[0]!.id.subarray(0, 8))).toBe(false);
  });

  it('refuses what no reader would accept', () => {
    const chunks = [{ id: Buffer.alloc(32), length: SEGMENT_MAX_BYTES }];
    expect(() => sealSegment(newId('segment'), 'data', chunks, Buffer.alloc(SEGMENT_MAX_BYTES))).toThrow(RangeError);
    expect(() => sealSegment(newId('segment'), 'data', [{ id: Buffer.alloc(32), length: 3 }], Buffer.alloc(4))).toThrow(
      /chunks of 3 bytes/,
    );
  });
});

describe('the wrapped segment key', () => {
  it('opens for its own segment and dataset alone', () => {
    const id = newId('segment');
    const wrapped = wrapSegmentKey(keys, id, Buffer.alloc(32, 7));
    expect(unwrapSegmentKey(keys, id, wrapped)).toEqual(Buffer.alloc(32, 7));
    expect(() => unwrapSegmentKey(keys, newId('segment'), wrapped)).toThrow(CorruptDatasetError);
    const others = deriveDatasetKeys(newId('dataset'), newDatasetKey());
    expect(() => unwrapSegmentKey(others, id, wrapped)).toThrow(CorruptDatasetError);
    const changed = Buffer.from(wrapped);
    changed[30]! ^= 1;
    expect(() => unwrapSegmentKey(keys, id, changed)).toThrow(CorruptDatasetError);
    expect(() => unwrapSegmentKey(keys, id, wrapped.subarray(1))).toThrow(CorruptDatasetError);
  });
});

describe('keyed hashes', () => {
  it('depend on the dataset: nobody else can tell whether two tenants hold the same bytes', () => {
    const others = deriveDatasetKeys(newId('dataset'), newDatasetKey());
    expect(chunkId(keys, Buffer.from('x'))).toEqual(chunkId(keys, Buffer.from('x')));
    expect(chunkId(keys, Buffer.from('x'))).not.toEqual(chunkId(others, Buffer.from('x')));
  });

  it('tell files apart that differ in size, order or content of their chunks', () => {
    const hash = (parts: [string, number][]) => {
      const hasher = new FileHasher(keys);
      for (const [text, length] of parts) hasher.add(chunkId(keys, Buffer.from(text)), length);
      return hasher.digest().toString('hex');
    };
    const all = [
      hash([]),
      hash([['a', 1]]),
      hash([['a', 2]]),
      hash([
        ['a', 1],
        ['b', 1],
      ]),
      hash([
        ['b', 1],
        ['a', 1],
      ]),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});
