import { createDecipheriv, createHash, createHmac, createPublicKey, hkdfSync, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  chunkId,
  deriveDatasetKeys,
  encodeTreeLine,
  FileHasher,
  FileTreeReader,
  openSegment,
  SegmentsRoot,
  segmentRecordBytes,
  type TreeEntry,
  type TreeSegment,
  unwrapDatasetKey,
  unwrapSegmentKey,
  verifyKeyDocument,
  verifyManifest,
} from '#dataset';
import { ReedSolomon, shardRoots } from '#erasure';
import { canonicalJson } from '#kernel';
import { TreeHasher } from '#merkle';

/**
 * The published vector against the library and, for what the formats say in formulas, against nothing but node:crypto:
 * whoever writes another reader can start from this file.
 */

const vector = JSON.parse(readFileSync(new URL('dataset-v1.json', import.meta.url), 'utf8'));
const hex = (text: string) => Buffer.from(text, 'hex');
const keys = deriveDatasetKeys(vector.dataset, hex(vector.datasetKey));
const hmac = (key: string, ...parts: Uint8Array[]) =>
  createHmac('sha256', hex(key)).update(Buffer.concat(parts)).digest('hex');
const ed25519 = (publicKey: string) =>
  createPublicKey({
    key: Buffer.concat([hex('302a300506032b6570032100'), hex(publicKey)]),
    format: 'der',
    type: 'spki',
  });

describe('dataset keys', () => {
  it('are what the formulas give', () => {
    const purposes = {
      chunkId: 'chunk-id',
      chunkerSeed: 'chunker-seed',
      fileHash: 'file-hash',
      treeHash: 'tree-hash',
      segmentWrap: 'segment-wrap',
    } as const;
    const derive = (purpose: string) =>
      Buffer.from(
        hkdfSync('sha256', hex(vector.datasetKey), vector.dataset, `freehold dataset v1 ${purpose}`, 32),
      ).toString('hex');
    for (const [name, purpose] of Object.entries(purposes)) {
      expect(derive(purpose)).toBe(vector.derived[name]);
      expect(keys[name as keyof typeof purposes].toString('hex')).toBe(vector.derived[name]);
    }
    expect(hmac(derive('key-check'), Buffer.from(vector.dataset))).toBe(vector.derived.keyCheck);
    expect(keys.keyCheck.toString('hex')).toBe(vector.derived.keyCheck);
  });

  it('come out of the key document, which its signer signed', async () => {
    const { signature, ...body } = vector.keyDocument;
    const digest = createHash('sha256').update(canonicalJson(body)).digest('hex');
    const line = Buffer.from(`freehold dataset key v1 ${digest}\n`);
    expect(verify(null, line, ed25519(body.signer), hex(signature))).toBe(true);
    const document = verifyKeyDocument(vector.keyDocument, vector.dataset, [hex(vector.manifest.signer)]);
    const key = await unwrapDatasetKey(vector.dataset, document.wrapped, [vector.ageIdentity]);
    expect(key.toString('hex')).toBe(vector.datasetKey);
  });
});

describe('chunks and files', () => {
  it('have the keyed hashes of the formulas', () => {
    const hasher = new FileHasher(keys);
    for (const { plaintext, id } of vector.chunks) {
      expect(hmac(vector.derived.chunkId, hex(plaintext))).toBe(id);
      expect(chunkId(keys, hex(plaintext)).toString('hex')).toBe(id);
      hasher.add(hex(id), hex(plaintext).length);
    }
    const size = Buffer.alloc(8);
    size.writeBigUInt64BE(BigInt(vector.file.size));
    const ids = vector.chunks.map((chunk: { id: string }) => hex(chunk.id));
    expect(hmac(vector.derived.fileHash, size, ...ids)).toBe(vector.file.hash);
    expect(hasher.digest().toString('hex')).toBe(vector.file.hash);
  });
});

describe('segments', () => {
  it('open byte by byte as the page says', () => {
    for (const { record, container, segmentKey } of vector.segments) {
      const bytes = hex(container);
      expect(bytes.toString('latin1', 0, 8)).toBe('FHSEGv1\0');
      expect(bytes[8]).toBe(record.kind === 'data' ? 1 : 2);
      expect(bytes.toString('latin1', 28, 52).replace(/\0+$/, '')).toBe(record.id);
      const decipher = createDecipheriv('aes-256-gcm', hex(segmentKey), bytes.subarray(16, 28));
      decipher.setAAD(bytes.subarray(0, 52));
      decipher.setAuthTag(bytes.subarray(-16));
      const plain = Buffer.concat([decipher.update(bytes.subarray(52, -16)), decipher.final()]);
      expect(plain.length).toBe(bytes.readUInt32BE(12));
      const count = plain.readUInt32BE(0);
      const { chunks, payload } = openSegment(record.id, hex(segmentKey), bytes);
      expect(chunks.length).toBe(count);
      expect(payload.equals(plain.subarray(4 + count * 36))).toBe(true);
      if (record.kind === 'data') {
        expect(chunks.map(({ id }) => id.toString('hex'))).toEqual(
          vector.chunks.map((chunk: { id: string }) => chunk.id),
        );
      } else expect(payload.toString('hex')).toBe(vector.tree);
    }
  });

  it('have keys that open under their dataset', () => {
    for (const { record, segmentKey } of vector.segments) {
      expect(unwrapSegmentKey(keys, record.id, Buffer.from(record.key, 'base64')).toString('hex')).toBe(segmentKey);
    }
  });

  it('have the shard roots of their records, and these the segments root', () => {
    const hasher = new TreeHasher((data) => createHash('sha256').update(data).digest());
    const code = new ReedSolomon({ dataShards: 4, parityShards: 2 });
    const root = new SegmentsRoot();
    for (const { record, container } of vector.segments) {
      expect(createHash('sha256').update(hex(container)).digest('hex')).toBe(record.sha256);
      const roots = shardRoots(hasher, code.encode(hex(container))).map((shard) => Buffer.from(shard).toString('hex'));
      expect(roots).toEqual(record.roots);
      root.add(record);
    }
    expect(root.digest().toString('hex')).toBe(vector.segmentsRoot);
    const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
    const leaves = vector.segments.map(({ record }: { record: never }) =>
      sha256(Buffer.of(0), segmentRecordBytes(record)),
    );
    expect(sha256(Buffer.of(1), ...leaves).toString('hex')).toBe(vector.segmentsRoot);
  });
});

describe('the manifest', () => {
  it('has the content root and the signature of the formulas', () => {
    const { statement, contentRoot, signature, signer } = vector.manifest;
    const root = createHash('sha256').update('freehold-manifest-v1\n').update(hex(statement)).digest('hex');
    expect(root).toBe(contentRoot);
    expect(verify(null, Buffer.from(`freehold manifest v1 ${root}\n`), ed25519(signer), hex(signature))).toBe(true);
    const verified = verifyManifest({ statement: hex(statement), signature: hex(signature) }, [hex(signer)]);
    expect(verified.contentRoot.toString('hex')).toBe(contentRoot);
    expect(verified.statement.segments).toMatchObject({
      root: vector.segmentsRoot,
      ranges: [
        [0, 0],
        [2, 2],
      ],
    });
    expect(verified.statement.tree).toEqual({
      segments: [2],
      size: hex(vector.tree).length,
      hash: hmac(vector.derived.treeHash, hex(vector.tree)),
    });
  });
});

describe('the file tree', () => {
  it('reads line by line and is written to the same bytes', () => {
    const lines: (TreeSegment | TreeEntry)[] = [];
    const reader = new FileTreeReader((line) => lines.push(line));
    reader.push(hex(vector.tree));
    const end = reader.finish();
    expect(lines.map((line) => line.t)).toEqual(['segment', 'dir', 'file', 'file', 'link']);
    const written = Buffer.concat(
      [{ t: 'tree' as const, v: 1 as const }, ...lines, end].map((line) => encodeTreeLine(line)),
    );
    expect(written.toString('hex')).toBe(vector.tree);
  });
});
