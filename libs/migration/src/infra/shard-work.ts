/**
 * The heavy half of placing and reading segments: coding, hashing and the nodes' disks. Runs in worker threads, so that a
 * job's lock is renewed and a server answers while a processor is busy; knows nothing of the database.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ReedSolomon, shardRoot } from '#erasure';
import type { SegmentId, StorageNodeId } from '#kernel';
import { TreeHasher } from '#merkle';
import type { ShardName } from '#object-store';
import { type NodeAddress, NodeStores } from './node-stores.js';
import type { ShardPlace } from './segment.repository.js';

/** How a segment is cut, and what its shards must be. Roots are hex, in slot order. */
export interface SegmentShape {
  id: SegmentId;
  size: number;
  sha256: string;
  k: number;
  m: number;
  roots: string[];
}

export interface PlaceWork {
  op: 'place';
  segment: SegmentShape;
  stagingPath: string;
  /** Which shards go where: slots that are placed already are left out. */
  targets: { slot: number; node: NodeAddress }[];
}

export interface ShardFailure {
  slot: number;
  nodeId: StorageNodeId;
  reason: string;
}

export type PlaceResult =
  /** Every shard in `placed` was written and read back; every other one is in `failed`. */
  | { outcome: 'placed'; placed: ShardPlace[]; failed: ShardFailure[] }
  /** The staged bytes are not there, or not the ones announced. */
  | { outcome: 'lost'; reason: string };

export interface GatherWork {
  op: 'gather';
  segment: SegmentShape;
  shards: (ShardPlace & { node: NodeAddress })[];
}

export type GatherResult =
  | { outcome: 'read'; bytes: Uint8Array; failed: ShardFailure[] }
  | { outcome: 'unavailable'; readable: number; failed: ShardFailure[] };

export type ShardWork = PlaceWork | GatherWork;

/** A read that takes longer than this does not fail, but another shard is asked for beside it. */
const HEDGE_MS = 1_500;

const hasher = new TreeHasher((data) => createHash('sha256').update(data).digest());
const stores = new NodeStores();
const codes = new Map<string, ReedSolomon>();

function codeOf({ k, m }: SegmentShape): ReedSolomon {
  const key = `${k}+${m}`;
  const known = codes.get(key) ?? new ReedSolomon({ dataShards: k, parityShards: m });
  codes.set(key, known);
  return known;
}

const rootOf = (shard: Uint8Array): string => Buffer.from(shardRoot(hasher, shard)).toString('hex');

/** Codes the staged ciphertext, checks the shards against the announced roots, stores each and reads it back. */
export async function placeShards({ segment, stagingPath, targets }: PlaceWork): Promise<PlaceResult> {
  const staged = await readFile(stagingPath).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (!staged) return { outcome: 'lost', reason: 'the staged ciphertext is gone; it must be uploaded again' };
  const shards = codeOf(segment).encode(staged);
  if (staged.length !== segment.size || shards.some((shard, slot) => rootOf(shard) !== segment.roots[slot])) {
    const changed = createHash('sha256').update(staged).digest('hex') !== segment.sha256;
    return {
      outcome: 'lost',
      reason: changed
        ? 'the staged ciphertext was changed; it must be uploaded again'
        : 'the announced shard roots are not those of the ciphertext; it must be sealed again',
    };
  }
  const placed: ShardPlace[] = [];
  const failed: ShardFailure[] = [];
  await Promise.all(
    targets.map(async ({ slot, node }) => {
      try {
        const store = stores.of(node);
        const { name, size } = await store.put(shards[slot]!);
        await store.get(name);
        placed.push({ slot, nodeId: node.id, name, size });
      } catch (error) {
        failed.push({ slot, nodeId: node.id, reason: (error as Error).message });
      }
    }),
  );
  placed.sort((a, b) => a.slot - b.slot);
  return { outcome: 'placed', placed, failed };
}

/**
 * Brings a segment back from any k of its shards: the first k that answer and whose Merkle root is the announced one. A
 * shard that fails, is wrong or is slow makes another one be asked for.
 */
export async function gatherSegment({ segment, shards }: GatherWork): Promise<GatherResult> {
  const good: (Uint8Array | null)[] = new Array(segment.k + segment.m).fill(null);
  const failed: ShardFailure[] = [];
  const queue = [...shards].sort((a, b) => a.slot - b.slot);
  let found = 0;
  let underWay = 0;
  await new Promise<void>((resolve) => {
    let hedge: NodeJS.Timeout | undefined;
    const end = () => {
      clearTimeout(hedge);
      resolve();
    };
    const next = () => {
      const shard = queue.shift();
      if (!shard) return;
      underWay += 1;
      readShard(segment, shard)
        .then((bytes) => {
          if (found < segment.k) good[shard.slot] = bytes;
          found += 1;
        })
        .catch((error: unknown) => {
          failed.push({ slot: shard.slot, nodeId: shard.nodeId, reason: (error as Error).message });
          next();
        })
        .finally(() => {
          underWay -= 1;
          if (found >= segment.k || underWay === 0) end();
        });
    };
    const hedgeLater = () => {
      hedge = setTimeout(() => {
        next();
        if (queue.length > 0) hedgeLater();
      }, HEDGE_MS);
    };
    for (let count = 0; count < segment.k; count += 1) next();
    hedgeLater();
    if (underWay === 0) end();
  });
  if (found < segment.k) return { outcome: 'unavailable', readable: found, failed };
  return { outcome: 'read', bytes: codeOf(segment).decode(good, segment.size), failed };
}

async function readShard(segment: SegmentShape, shard: GatherWork['shards'][number]): Promise<Uint8Array> {
  // Unchecked by name, because the root is the stronger check: it is the one the tenant signed.
  const bytes = await stores.of(shard.node).getRange(shard.name as ShardName, 0, shard.size);
  if (rootOf(bytes) !== segment.roots[shard.slot]) throw new Error(`shard ${shard.slot} does not have its Merkle root`);
  return bytes;
}
