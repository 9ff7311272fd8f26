import { Injectable } from '@nestjs/common';
import { Outbox, SystemUnitOfWork } from '#database';
import { type SegmentId, type StorageNodeId, type TenantId } from '#kernel';
import { Operations } from '#operations';
import { type PlacementNode, placeStripe } from '#placement';
import { MigrationRepository } from '../infra/migration.repository.js';
import { SegmentRepository, type ShardPlace, type StoredSegment } from '../infra/segment.repository.js';
import type { SegmentShape, ShardFailure } from '../infra/shard-work.js';
import { ShardWorkers } from '../infra/shard-workers.js';
import { StagingArea } from '../infra/staging-area.js';
import type { StorageNodeEntity } from '../infra/storage-node.entity.js';
import { StorageNodeRepository } from '../infra/storage-node.repository.js';
import { MIGRATION_OPERATION, PLACEMENT_TOPIC, parseTopicKey, topicKey, VERIFICATION_TOPIC } from './topics.js';

/** A placement that this process has taken over: what is to be placed, under which epoch, where it may go. */
interface Claim {
  segment: StoredSegment;
  epoch: number;
  nodes: StorageNodeEntity[];
}

/** Says why a segment is still not placed; the job is tried again. */
class PlacementIncompleteError extends Error {
  override name = 'PlacementIncompleteError';
}

/**
 * Spreads a staged segment over the storage nodes: takes the placement over (an epoch fences whoever had it), codes, writes
 * each shard to its failure domain, reads every one back, and only then records them all in one transaction. Nothing of it
 * is harmed by running twice or being killed: shards are named by their content, and only the newest epoch commits.
 */
@Injectable()
export class PlaceSegmentService {
  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly segments: SegmentRepository,
    private readonly migrations: MigrationRepository,
    private readonly nodes: StorageNodeRepository,
    private readonly staging: StagingArea,
    private readonly workers: ShardWorkers,
    private readonly outbox: Outbox,
    private readonly operations: Operations,
  ) {}

  /** @param key of PLACEMENT_TOPIC @throws when some shard could not be placed; the reason is kept with the segment */
  async execute(key: string): Promise<void> {
    const { tenantId, id } = parseTopicKey('segment', key);
    const claim = await this.claim(tenantId, id as SegmentId, key);
    if (!claim) return;
    try {
      const spread = await this.spread(claim);
      if ('lost' in spread) await this.lose(claim, spread.lost, key);
      else await this.commit(claim, spread.shards, key);
    } catch (error) {
      await this.note(claim, (error as Error).message);
      throw error;
    }
  }

  /** Null when there is nothing to place: then the hint is done with. */
  private async claim(tenantId: TenantId, id: SegmentId, key: string): Promise<Claim | null> {
    const claimed = await this.uow.run(async (tx) => {
      const epoch = await this.segments.claimPlacement(tx, tenantId, id);
      const segment = await this.segments.find(tx, tenantId, id);
      if (epoch !== null && segment) return { segment, epoch, nodes: await this.nodes.all(tx) };
      await this.outbox.complete(tx, PLACEMENT_TOPIC, key, await this.outbox.pendingThrough(tx, PLACEMENT_TOPIC, key));
      return segment?.state ?? null;
    });
    if (claimed === 'placed') await this.staging.remove(tenantId, id);
    return typeof claimed === 'string' ? null : claimed;
  }

  /**
   * Writes and reads back every shard; where a node fails, its slot goes to the next best domain. `lost` when the staged
   * ciphertext is not there any more.
   */
  private async spread({ segment, nodes }: Claim): Promise<{ shards: ShardPlace[] } | { lost: string }> {
    const shape = shapeOf(segment);
    const failed = new Map<StorageNodeId, string>();
    const placed = new Map<number, ShardPlace>();
    for (;;) {
      const slots = this.plan(shape, nodes, failed, placed);
      const targets = slots.flatMap((node, slot) => (placed.has(slot) ? [] : [{ slot, node: addressOf(node) }]));
      const result = await this.workers.place({
        segment: shape,
        stagingPath: this.staging.pathOf(segment.tenantId, segment.record.id),
        targets,
      });
      if (result.outcome === 'lost') return { lost: result.reason };
      for (const shard of result.placed) placed.set(shard.slot, shard);
      if (result.failed.length === 0) return { shards: [...placed.values()].sort((a, b) => a.slot - b.slot) };
      for (const failure of result.failed) failed.set(failure.nodeId, describe(failure));
    }
  }

  /** @throws PlacementIncompleteError, TooFewFailureDomainsError when there is no node left for a slot */
  private plan(
    shape: SegmentShape,
    nodes: StorageNodeEntity[],
    failed: ReadonlyMap<StorageNodeId, string>,
    placed: ReadonlyMap<number, ShardPlace>,
  ): StorageNodeEntity[] {
    const usable = nodes.map(
      (node): PlacementNode => ({
        id: node.id,
        failureDomain: node.failureDomain,
        weight: node.weight,
        status: failed.has(node.id) ? 'offline' : node.status,
      }),
    );
    try {
      const { slots } = placeStripe(shape.id, usable, shape.k + shape.m, { dataShards: shape.k });
      return keepPlaced(slots, placed).map((id) => nodes.find((node) => node.id === id)!);
    } catch (error) {
      if (failed.size === 0) throw error;
      throw new PlacementIncompleteError(
        `${(error as Error).message} Failed just now: ${[...failed.values()].join('; ')}`,
      );
    }
  }

  private async commit({ segment, epoch }: Claim, shards: ShardPlace[], key: string): Promise<void> {
    const { tenantId, datasetId, migrationId } = segment;
    const committed = await this.uow.run(async (tx) => {
      const through = await this.outbox.pendingThrough(tx, PLACEMENT_TOPIC, key);
      if (!(await this.segments.commitPlacement(tx, tenantId, segment.record.id, epoch, shards))) return false;
      this.operations.advance(tx, { tenantId, resourceId: migrationId, kind: MIGRATION_OPERATION }, { done: 1 });
      const verifying = await this.migrations.holdVerifying(tx, tenantId, datasetId);
      if (verifying) this.outbox.add(tx, { topic: VERIFICATION_TOPIC, key: topicKey(tenantId, verifying), tenantId });
      await this.outbox.complete(tx, PLACEMENT_TOPIC, key, through);
      return true;
    });
    // Where another placement took over, it uses the same names on the same nodes: what we wrote is left alone.
    if (committed) await this.staging.remove(tenantId, segment.record.id);
  }

  /** The segment waits for its upload again, which will give a new hint. */
  private async lose({ segment, epoch }: Claim, reason: string, key: string): Promise<void> {
    const { tenantId, record } = segment;
    await this.uow.run(async (tx) => {
      const through = await this.outbox.pendingThrough(tx, PLACEMENT_TOPIC, key);
      await this.segments.markLost(tx, tenantId, record.id, epoch, reason);
      await this.outbox.complete(tx, PLACEMENT_TOPIC, key, through);
    });
  }

  private note({ segment, epoch }: Claim, reason: string): Promise<void> {
    const { tenantId, record } = segment;
    return this.uow.run((tx) => this.segments.noteReason(tx, tenantId, record.id, epoch, reason.slice(0, 1000)));
  }
}

function shapeOf({ record: { id, size, sha256, k, m, roots } }: StoredSegment): SegmentShape {
  return { id, size, sha256, k, m, roots };
}

function addressOf({ id, driver, location }: StorageNodeEntity) {
  return { id, driver, location };
}

function describe({ nodeId, reason }: ShardFailure): string {
  return `${nodeId}: ${reason}`;
}

/** A new plan with the shards that are placed left where they are: each keeps its slot, the others take what remains. */
function keepPlaced(slots: readonly StorageNodeId[], placed: ReadonlyMap<number, ShardPlace>): StorageNodeId[] {
  const kept = new Set([...placed.values()].map((shard) => shard.nodeId));
  const free = slots.filter((id) => !kept.has(id));
  return slots.map((_id, slot) => placed.get(slot)?.nodeId ?? free.shift()!);
}
