import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { newId, type SegmentId, type TenantId } from '#kernel';
import { DigestMismatchError } from '../domain/migration.errors.js';
import { StagingArea } from './staging-area.js';

let folder: string;
let staging: StagingArea;
const tenant = newId('tenant');
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'freehold-staging-'));
  staging = new StagingArea(folder);
  await staging.prepare();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const announce = (bytes: Buffer) => ({
  id: newId('segment'),
  sha256: createHash('sha256').update(bytes).digest('hex'),
  size: bytes.length,
});

function inPieces(bytes: Buffer, size: number): Readable {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return Readable.from(pieces);
}

describe('the staging area', () => {
  it.each([1, 1000, 524_287, 524_288, 524_289, 2_000_000])('keeps %i bytes as they came', async (size) => {
    const bytes = randomBytes(size);
    const segment = announce(bytes);
    await staging.receive(tenant, segment, inPieces(bytes, 65_521));
    expect(readFileSync(staging.pathOf(tenant, segment.id)).equals(bytes)).toBe(true);
    expect(readdirSync(join(folder, 'drafts'))).toEqual([]);
    await staging.remove(tenant, segment.id);
    await staging.remove(tenant, segment.id);
    expect(readdirSync(join(folder, tenant))).toEqual([]);
  });

  it.each<[string, (bytes: Buffer) => Readable]>([
    ['other bytes', (bytes) => inPieces(Buffer.concat([bytes.subarray(1), Buffer.from([bytes[0]!])]), 1000)],
    ['too few bytes', (bytes) => inPieces(bytes.subarray(1), 1000)],
    ['too many bytes', (bytes) => inPieces(Buffer.concat([bytes, Buffer.alloc(1)]), 1000)],
    ['no bytes', () => Readable.from([])],
  ])('keeps nothing of %s', async (_what, body) => {
    const bytes = randomBytes(700_000);
    const segment = announce(bytes);
    await expect(staging.receive(tenant, segment, body(bytes))).rejects.toThrow(DigestMismatchError);
    expect(readdirSync(folder)).toEqual(['drafts']);
    expect(readdirSync(join(folder, 'drafts'))).toEqual([]);
  });

  it('keeps nothing of a body that breaks off', async () => {
    const bytes = randomBytes(1_000_000);
    const broken = Readable.from(
      (async function* () {
        yield bytes.subarray(0, 600_000);
        throw new Error('the connection was lost');
      })(),
    );
    await expect(staging.receive(tenant, announce(bytes), broken)).rejects.toThrow(/connection was lost/);
    expect(readdirSync(join(folder, 'drafts'))).toEqual([]);
  });

  it('makes a path of nothing but ids', () => {
    expect(() => staging.pathOf('../../etc' as TenantId, newId('segment'))).toThrow();
    expect(() => staging.pathOf(tenant, '../passwd' as SegmentId)).toThrow();
  });
});
