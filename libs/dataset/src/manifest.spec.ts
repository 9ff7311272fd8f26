import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { canonicalJson, newId } from '#kernel';
import { CorruptDatasetError, UntrustedSignatureError } from './dataset.errors.js';
import { contentRoot, type ManifestStatement, signManifest, toRanges, verifyManifest } from './manifest.js';
import { type SegmentRecord, SegmentsRoot, segmentRecordBytes, segmentRecordSchema } from './segment-record.js';
import { newSigningKeyPem, signerFromPem } from './signing.js';

const signer = signerFromPem(newSigningKeyPem());

function body(): Omit<ManifestStatement, 'signer'> {
  return {
    format: 'freehold-manifest',
    v: 1,
    tenant: newId('tenant'),
    dataset: newId('dataset'),
    migration: newId('migration'),
    version: 1,
    previous: null,
    time: '2026-11-23T10:00:00.000Z',
    keyCheck: '11'.repeat(32),
    segments: {
      count: 3,
      bytes: 30,
      ranges: [
        [0, 1],
        [5, 5],
      ],
      root: '22'.repeat(32),
    },
    tree: { segments: [5], size: 10, hash: '33'.repeat(32) },
  };
}

function record(over: Partial<SegmentRecord> = {}): SegmentRecord {
  return {
    v: 1,
    id: newId('segment'),
    kind: 'data',
    sha256: 'ab'.repeat(32),
    size: 8_000_000,
    k: 4,
    m: 2,
    roots: Array.from({ length: 6 }, (_, slot) => `${slot}0`.repeat(32)),
    key: Buffer.alloc(60, 9).toString('base64'),
    ...over,
  };
}

describe('the manifest', () => {
  it('is accepted from its signer, and its content root is the hash that the format page names', () => {
    const signed = signManifest(signer, body());
    const verified = verifyManifest(signed, [signer.publicKey]);
    expect(verified.contentRoot).toEqual(
      createHash('sha256')
        .update(Buffer.concat([Buffer.from('freehold-manifest-v1\n'), signed.statement]))
        .digest(),
    );
    expect(verified.statement.segments.ranges).toEqual([
      [0, 1],
      [5, 5],
    ]);
  });

  it('refuses any changed byte', () => {
    const signed = signManifest(signer, body());
    fc.assert(
      fc.property(fc.nat(signed.statement.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const statement = Uint8Array.from(signed.statement);
        statement[at]! ^= flip;
        expect(() => verifyManifest({ statement, signature: signed.signature }, [signer.publicKey])).toThrow();
      }),
    );
    const signature = Uint8Array.from(signed.signature);
    signature[3]! ^= 1;
    expect(() => verifyManifest({ statement: signed.statement, signature }, null)).toThrow(UntrustedSignatureError);
  });

  it("refuses another signer's, also when that one signed it well", () => {
    const mallory = signerFromPem(newSigningKeyPem());
    expect(() => verifyManifest(signManifest(mallory, body()), [signer.publicKey])).toThrow(UntrustedSignatureError);
  });

  it.each<[string, (statement: ManifestStatement) => unknown]>([
    ['a count that is not that of the ranges', (s) => ({ ...s, segments: { ...s.segments, count: 4 } })],
    [
      'ranges that touch',
      (s) => ({
        ...s,
        segments: {
          ...s.segments,
          ranges: [
            [0, 1],
            [2, 2],
          ],
        },
      }),
    ],
    [
      'ranges that descend',
      (s) => ({
        ...s,
        segments: {
          ...s.segments,
          ranges: [
            [5, 5],
            [0, 1],
          ],
        },
      }),
    ],
    ['a range that ends before it begins', (s) => ({ ...s, segments: { ...s.segments, ranges: [[3, 1]] } })],
    ['a first version with a previous one', (s) => ({ ...s, previous: '44'.repeat(32) })],
    ['a second version without one', (s) => ({ ...s, version: 2 })],
    ['an unknown member', (s) => ({ ...s, extra: true })],
  ])('refuses %s', (_what, change) => {
    const statement = { ...body(), signer: Buffer.from(signer.publicKey).toString('hex') };
    const bytes = canonicalJson(change(statement) as never);
    const line = Buffer.from(`freehold manifest v1 ${contentRoot(bytes).toString('hex')}\n`);
    expect(() => verifyManifest({ statement: bytes, signature: signer.sign(line) }, null)).toThrow(CorruptDatasetError);
  });

  it('refuses a statement that is not in canonical form', () => {
    const { statement } = signManifest(signer, body());
    const spaced = Buffer.from(JSON.stringify(JSON.parse(Buffer.from(statement).toString()), null, 1));
    const line = Buffer.from(`freehold manifest v1 ${contentRoot(spaced).toString('hex')}\n`);
    expect(() => verifyManifest({ statement: spaced, signature: signer.sign(line) }, null)).toThrow(/canonical/);
  });
});

describe('ranges of ordinals', () => {
  it('hold exactly the ordinals they were made of', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(60)), (ordinals) => {
        const sorted = ordinals.sort((a, b) => a - b);
        const ranges = toRanges(sorted);
        const unfolded = ranges.flatMap(([first, last]) =>
          Array.from({ length: last - first + 1 }, (_, i) => first + i),
        );
        expect(unfolded).toEqual(sorted);
        for (const [index, [first]] of ranges.entries()) {
          if (index > 0) expect(first).toBeGreaterThan(ranges[index - 1]![1] + 1);
        }
      }),
    );
  });
});

describe('the segments root', () => {
  const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();

  /** RFC 6962 section 2.1, written down as it reads. */
  function naiveRoot(entries: Uint8Array[]): Buffer {
    if (entries.length === 0) return sha256();
    if (entries.length === 1) return sha256(Buffer.from([0]), entries[0]!);
    let split = 1;
    while (split * 2 < entries.length) split *= 2;
    return sha256(Buffer.from([1]), naiveRoot(entries.slice(0, split)), naiveRoot(entries.slice(split)));
  }

  it('is the RFC 6962 root over the canonical records', () => {
    for (const count of [1, 2, 3, 7, 8, 300]) {
      const records = Array.from({ length: count }, () => record());
      const root = new SegmentsRoot();
      for (const each of records) root.add(each);
      expect(root.count).toBe(count);
      expect(root.digest()).toEqual(naiveRoot(records.map(segmentRecordBytes)));
    }
  });

  it.each<[string, Partial<SegmentRecord>]>([
    ['too few roots', { roots: ['00'.repeat(32), '00'.repeat(32)] }],
    ['a size beyond the limit', { size: 17_000_000 }],
    ['upper-case hex', { sha256: 'AB'.repeat(32) }],
    ['a key of the wrong length', { key: Buffer.alloc(59).toString('base64') }],
    ['an id of another kind', { id: newId('dataset') as never }],
  ])('is not built over %s', (_what, over) => {
    expect(segmentRecordSchema.safeParse(record()).success).toBe(true);
    expect(segmentRecordSchema.safeParse(record(over)).success).toBe(false);
  });
});
