/**
 * The heavy half of placing and reading segments: coding, hashing and the nodes' disks. Runs in worker threads, so that a
 * job's lock is renewed and a server answers while a processor is busy; knows nothing of the database.
 *
 * Large buffers are used again and again: what JavaScript leaves to the collector stays in memory long after its use,
 * because the collector counts objects and these are few.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { workerData } from 'node:worker_threads';
import { ReedSolomon, shardRoot } from '#erasure';
import type { SegmentId, StorageNodeId } from '#kernel';
import { TreeHasher } from '#merkle';
import type { ShardName, ShardStore } from '#object-store';
import { BufferPool } from './buffer-pool.js';
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
  /** Where the segment goes, from its beginning; has room for the largest one and the padding of its shards. */
  into: SharedArrayBuffer;
}

export type GatherResult =
  /** The segment is at the beginning of `into`, or of `moved` where a read into that still hangs. */
  | { outcome: 'read'; moved: SharedArrayBuffer | null; failed: ShardFailure[] }
  | { outcome: 'unavailable'; readable: number; failed: ShardFailure[] };

export type ShardWork = PlaceWork | GatherWork;

/** What a thread is told at its start: the largest container, without loading all of the dataset formats for it. */
export interface ShardThreadData {
  segmentMaxBytes: number;
}

const { segmentMaxBytes } = workerData as ShardThreadData;
/** A read that takes longer than this does not fail, but another shard is asked for beside it. */
const HEDGE_MS = 1_500;
/** A node that does not answer for so long has failed, for this segment. */
const READ_TIMEOUT_MS = 15_000;
const STORE_TIMEOUT_MS = 60_000;
/** Read at once when a shard is read back: enough for the disk, little for the memory. */
const READ_BACK_BYTES = 256 * 1024;

const hasher = new TreeHasher((data) => createHash('sha256').update(data).digest());
const stores = new NodeStores();
const codes = new Map<string, ReedSolomon>();
const stagedBuffers = new BufferPool(segmentMaxBytes);
/** For parity and padded shards while a segment is placed, and for a parity shard that is read. */
const shardRooms = new BufferPool(segmentMaxBytes);
const readBackBuffers = new BufferPool(READ_BACK_BYTES);

function codeOf({ k, m }: SegmentShape): ReedSolomon {
  const key = `${k}+${m}`;
  const known = codes.get(key) ?? new ReedSolomon({ dataShards: k, parityShards: m });
  codes.set(key, known);
  return known;
}

const rootOf = (shard: Uint8Array): string => Buffer.from(shardRoot(hasher, shard)).toString('hex');

/** Codes the staged ciphertext, checks the shards against the announced roots, stores each and reads it back. */
export async function placeShards({ segment, stagingPath, targets }: PlaceWork): Promise<PlaceResult> {
  const buffer = stagedBuffers.take();
  const room = shardRooms.take();
  let late = 0;
  try {
    const staged = await readStaged(stagingPath, buffer);
    if (!staged) return { outcome: 'lost', reason: 'the staged ciphertext is gone; it must be uploaded again' };
    const shards = codeOf(segment).encode(staged, room);
    const reason = refusalOf(segment, staged, shards);
    if (reason) return { outcome: 'lost', reason };
    const placed: ShardPlace[] = [];
    const failed: ShardFailure[] = [];
    await Promise.all(
      targets.map(async ({ slot, node }) => {
        const shard = shards[slot]!;
        const outcome = await within(STORE_TIMEOUT_MS, storeShard(stores.of(node), shard));
        if (outcome.kind === 'done') placed.push({ slot, nodeId: node.id, name: outcome.value, size: shard.length });
        else failed.push({ slot, nodeId: node.id, reason: outcome.reason });
        if (outcome.kind === 'late') late += 1;
      }),
    );
    placed.sort((one, other) => one.slot - other.slot);
    return { outcome: 'placed', placed, failed };
  } finally {
    // A node that still writes does so from these.
    if (late === 0) {
      stagedBuffers.give(buffer);
      shardRooms.give(room);
    }
  }
}

/** Why these bytes are not the segment that was announced, or null when they are. */
function refusalOf(segment: SegmentShape, staged: Buffer, shards: readonly Uint8Array[]): string | null {
  if (staged.length === segment.size && shards.every((shard, slot) => rootOf(shard) === segment.roots[slot]))
    return null;
  const changed = createHash('sha256').update(staged).digest('hex') !== segment.sha256;
  return changed
    ? 'the staged ciphertext was changed; it must be uploaded again'
    : 'the announced shard roots are not those of the ciphertext; it must be sealed again';
}

/** Stores a shard and reads it back; gives its name. */
async function storeShard(store: ShardStore, shard: Uint8Array): Promise<ShardName> {
  const { name } = await store.put(shard);
  const part = readBackBuffers.take();
  await readBack(store, name, shard, part);
  readBackBuffers.give(part);
  return name;
}

type Outcome<T> = { kind: 'done'; value: T } | { kind: 'failed' | 'late'; reason: string };

/** What became of some work in a bounded time. What is `late` still goes on: a disk that hangs cannot be interrupted. */
async function within<T>(ms: number, work: Promise<T>): Promise<Outcome<T>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Outcome<T>>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'late', reason: `no answer within ${ms} ms` }), ms);
  });
  const outcome = work.then(
    (value): Outcome<T> => ({ kind: 'done', value }),
    (error: unknown): Outcome<T> => ({ kind: 'failed', reason: (error as Error).message }),
  );
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Compares what the node gives with what was written, a part at a time. @throws what the store throws */
async function readBack(store: ShardStore, name: ShardName, shard: Uint8Array, part: Buffer): Promise<void> {
  for (let at = 0; at < shard.length; at += part.length) {
    const length = Math.min(part.length, shard.length - at);
    const read = await store.getRange(name, at, length, part.subarray(0, length));
    if (Buffer.compare(read, shard.subarray(at, at + length)) !== 0) {
      throw new Error(`shard ${name} does not read back as it was written`);
    }
  }
}

/** The file's bytes in the buffer given; null when there is no file. What is longer than any segment is cut. */
async function readStaged(path: string, buffer: Buffer): Promise<Buffer | null> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await file.close();
  }
}

/**
 * Brings a segment back from any k of its shards: the first k that answer and whose Merkle root is the announced one. A
 * shard that fails, is wrong or is slow makes another one be asked for. Data shards are read to where they belong.
 */
export async function gatherSegment({ segment, shards, into }: GatherWork): Promise<GatherResult> {
  const code = codeOf(segment);
  const shardBytes = code.shardBytes(segment.size);
  const room = shardRooms.take();
  const inTarget = (memory: SharedArrayBuffer, slot: number) => new Uint8Array(memory, slot * shardBytes, shardBytes);
  const placeOf = (slot: number): Uint8Array =>
    slot < segment.k ? inTarget(into, slot) : room.subarray((slot - segment.k) * shardBytes).subarray(0, shardBytes);
  const { good, failed, late } = await readAnyK(segment, shards, placeOf);
  const readable = good.filter((shard) => shard !== null).length;
  // A read that hangs may yet write to where it was told to: the answer goes elsewhere then, and that memory is let go.
  const answer = late > 0 ? new SharedArrayBuffer(into.byteLength) : into;
  if (readable >= segment.k) {
    const missing = [...good.keys()].filter((slot) => slot < segment.k && !good[slot]);
    const rebuilt = code.reconstruct(good, missing, segment.size);
    for (let slot = 0; slot < segment.k; slot += 1) {
      const bytes = good[slot] ?? rebuilt[missing.indexOf(slot)]!;
      const place = inTarget(answer, slot);
      if (bytes.buffer !== answer) place.set(bytes);
    }
  }
  if (late === 0) shardRooms.give(room);
  return readable >= segment.k
    ? { outcome: 'read', moved: late > 0 ? answer : null, failed }
    : { outcome: 'unavailable', readable, failed };
}

interface ReadShards {
  good: (Uint8Array | null)[];
  failed: ShardFailure[];
  /** Reads that were not waited for. */
  late: number;
}

/** Reads shards, data shards first, until k are good or none is left. */
function readAnyK(
  segment: SegmentShape,
  shards: GatherWork['shards'],
  placeOf: (slot: number) => Uint8Array,
): Promise<ReadShards> {
  const good: (Uint8Array | null)[] = new Array(segment.k + segment.m).fill(null);
  const failed: ShardFailure[] = [];
  const queue = [...shards].sort((a, b) => a.slot - b.slot);
  let found = 0;
  let waiting = 0;
  let hanging = 0;
  let ended = false;
  return new Promise((resolve) => {
    let hedge: NodeJS.Timeout | undefined;
    const endIfDone = () => {
      if (ended || (found < segment.k && waiting > 0)) return;
      ended = true;
      clearTimeout(hedge);
      resolve({ good, failed, late: waiting + hanging });
    };
    const next = () => {
      const shard = queue.shift();
      if (!shard) return;
      waiting += 1;
      void within(READ_TIMEOUT_MS, readShard(segment, shard, placeOf(shard.slot))).then((outcome) => {
        if (ended) return;
        waiting -= 1;
        if (outcome.kind === 'late') hanging += 1;
        if (outcome.kind === 'done') {
          good[shard.slot] = outcome.value;
          found += 1;
        } else {
          failed.push({ slot: shard.slot, nodeId: shard.nodeId, reason: outcome.reason });
          next();
        }
        endIfDone();
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
    endIfDone();
  });
}

async function readShard(
  segment: SegmentShape,
  shard: GatherWork['shards'][number],
  into: Uint8Array,
): Promise<Uint8Array> {
  // Unchecked by name, because the root is the stronger check: it is the one the tenant signed.
  const bytes = await stores.of(shard.node).getRange(shard.name as ShardName, 0, into.length, into);
  if (rootOf(bytes) !== segment.roots[shard.slot]) throw new Error(`shard ${shard.slot} does not have its Merkle root`);
  return bytes;
}
