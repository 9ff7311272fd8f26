import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReedSolomon, shardRoots } from '#erasure';
import { newId } from '#kernel';
import { TreeHasher } from '#merkle';
import { NodeStores } from './node-stores.js';
import type { SegmentShape } from './shard-work.js';
import { ShardWorkers } from './shard-workers.js';

const workers = new ShardWorkers({ shardThreads: 2 });
const stores = new NodeStores();
const hasher = new TreeHasher((data) => createHash('sha256').update(data).digest());
const code = new ReedSolomon({ dataShards: 4, parityShards: 2 });
let folder: string;
let nodes: { id: ReturnType<typeof newId<'storageNode'>>; driver: 'directory'; location: string }[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'freehold-shards-'));
  nodes = Array.from({ length: 6 }, (_, index) => ({
    id: newId('storageNode'),
    driver: 'directory' as const,
    location: join(folder, `node-${index}`),
  }));
  for (const node of nodes) await stores.initialise(node);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
afterAll(() => workers.onModuleDestroy());

function stage(bytes: Buffer): { segment: SegmentShape; stagingPath: string } {
  const stagingPath = join(folder, 'staged');
  writeFileSync(stagingPath, bytes);
  const roots = shardRoots(hasher, code.encode(bytes)).map((root) => Buffer.from(root).toString('hex'));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { segment: { id: newId('segment'), size: bytes.length, sha256, k: 4, m: 2, roots }, stagingPath };
}

const everywhere = () => nodes.map((node, slot) => ({ slot, node }));
const target = () => new SharedArrayBuffer(16 * 1024 * 1024 + 256);

/** The file of a shard, wherever it is on its node. */
function fileOf(slot: number, name: string): string {
  return join(nodes[slot]!.location, 'shards', name.slice(0, 2), name);
}

async function place(bytes: Buffer) {
  const staged = stage(bytes);
  const result = await workers.place({ ...staged, targets: everywhere() });
  if (result.outcome !== 'placed') throw new Error(result.reason);
  const shards = result.placed.map((shard) => ({ ...shard, node: nodes[shard.slot]! }));
  return { ...staged, result, shards };
}

async function gather(segment: SegmentShape, shards: Awaited<ReturnType<typeof place>>['shards']) {
  const into = target();
  const result = await workers.gather({ segment, shards, into });
  return { result, bytes: result.outcome === 'read' ? Buffer.from(result.moved ?? into, 0, segment.size) : null };
}

describe('placing and gathering', () => {
  it.each([1, 2, 3, 5, 4096, 262_145, 8_400_123])(
    'gives back %i bytes from all shards and from any four',
    async (size) => {
      const bytes = randomBytes(size);
      const { segment, shards, result } = await place(bytes);
      expect(result.failed).toEqual([]);
      expect(shards.map((shard) => shard.slot)).toEqual([0, 1, 2, 3, 4, 5]);
      expect((await gather(segment, shards)).bytes?.equals(bytes)).toBe(true);
      for (let one = 0; one < 6; one += 1) {
        for (let other = one + 1; other < 6; other += 1) {
          const rest = shards.filter(({ slot }) => slot !== one && slot !== other);
          expect((await gather(segment, rest)).bytes?.equals(bytes)).toBe(true);
        }
      }
    },
  );

  it('uses no shard that was changed, and names it', async () => {
    const bytes = randomBytes(300_000);
    const { segment, shards } = await place(bytes);
    for (const slot of [0, 3]) {
      const path = fileOf(slot, shards[slot]!.name);
      const content = readFileSync(path);
      content[100]! ^= 1;
      writeFileSync(path, content);
    }
    const { result, bytes: got } = await gather(segment, shards);
    expect(got?.equals(bytes)).toBe(true);
    expect(result.failed.map((failure) => failure.slot).sort()).toEqual([0, 3]);
  });

  it('does not wait for a disk that hangs, and gives no memory away that it may still write to', async () => {
    const bytes = randomBytes(400_000);
    const { segment, shards } = await place(bytes);
    // Opening a pipe for reading hangs until somebody writes: as a dead network disk does.
    const path = fileOf(1, shards[1]!.name);
    rmSync(path);
    execFileSync('mkfifo', [path]);
    try {
      const { result, bytes: got } = await gather(segment, shards);
      expect(got?.equals(bytes)).toBe(true);
      expect(result).toMatchObject({ outcome: 'read', moved: expect.objectContaining({}) });
    } finally {
      closeSync(openSync(path, 'w'));
    }
  });

  it('says how many shards can be read when they are too few', async () => {
    const { segment, shards } = await place(randomBytes(50_000));
    for (const slot of [1, 2, 5]) rmSync(nodes[slot]!.location, { recursive: true });
    const { result } = await gather(segment, shards);
    expect(result).toMatchObject({ outcome: 'unavailable', readable: 3 });
  });

  it('places what it can and names the nodes that failed', async () => {
    rmSync(nodes[2]!.location, { recursive: true });
    writeFileSync(nodes[2]!.location, 'not a folder');
    const staged = stage(randomBytes(100_000));
    const result = await workers.place({ ...staged, targets: everywhere() });
    expect(result).toMatchObject({ outcome: 'placed', failed: [{ slot: 2, nodeId: nodes[2]!.id }] });
    if (result.outcome === 'placed') expect(result.placed.map((shard) => shard.slot)).toEqual([0, 1, 3, 4, 5]);
  });

  it('stores nothing of ciphertext that is gone, was changed, or is not what its roots say', async () => {
    const bytes = randomBytes(100_000);
    const { segment, stagingPath } = stage(bytes);
    const targets = everywhere();
    const wrongRoots = { ...segment, roots: [...segment.roots].reverse() };
    expect(await workers.place({ segment: wrongRoots, stagingPath, targets })).toMatchObject({
      outcome: 'lost',
      reason: expect.stringContaining('sealed again'),
    });
    bytes[5]! ^= 1;
    writeFileSync(stagingPath, bytes);
    expect(await workers.place({ segment, stagingPath, targets })).toMatchObject({
      outcome: 'lost',
      reason: expect.stringContaining('was changed'),
    });
    rmSync(stagingPath);
    expect(await workers.place({ segment, stagingPath, targets })).toMatchObject({
      outcome: 'lost',
      reason: expect.stringContaining('is gone'),
    });
    for (const node of nodes) expect(readdirSync(node.location)).not.toContain('shards');
  });

  it('does several pieces of work at once without mixing them', async () => {
    const all = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const bytes = randomBytes(20_000 + index);
        const stagingPath = join(folder, `staged-${index}`);
        writeFileSync(stagingPath, bytes);
        const { segment } = stage(bytes);
        const result = await workers.place({ segment, stagingPath, targets: everywhere() });
        if (result.outcome !== 'placed') throw new Error(result.reason);
        const shards = result.placed.map((shard) => ({ ...shard, node: nodes[shard.slot]! }));
        return { bytes, got: (await gather(segment, shards)).bytes };
      }),
    );
    for (const { bytes, got } of all) expect(got?.equals(bytes)).toBe(true);
  });
});
