import { Injectable } from '@nestjs/common';
import { Outbox, SystemUnitOfWork, type Tx } from '#database';
import { type DatasetId, NotFoundError, type SegmentId, type StorageNodeId, type TenantId } from '#kernel';
import { LedgerWriter } from '#ledger';
import type { ShardName } from '#object-store';
import { Operations } from '#operations';
import { DatasetRepository } from '../infra/dataset.repository.js';
import { NodeStores } from '../infra/node-stores.js';
import { SegmentRepository, type ShardPlace } from '../infra/segment.repository.js';
import { StagingArea } from '../infra/staging-area.js';
import type { StorageNodeEntity } from '../infra/storage-node.entity.js';
import { StorageNodeRepository } from '../infra/storage-node.repository.js';
import { DELETION_OPERATION, parseTopicKey, REMOVAL_TOPIC } from './topics.js';
import { workerContext } from './verify-migration.service.js';

const SEGMENT_BATCH = 100;

interface Batch {
  segments: { id: SegmentId; shards: ShardPlace[] }[];
  nodes: Map<StorageNodeId, StorageNodeEntity>;
}

/**
 * Removes what is left of a deleted dataset: shards from their nodes, staged files, then the rows, batch by batch, so that
 * a killed job goes on where it was. The last entry attests the deletion of shards and claims nothing about what a disk
 * still holds. A node that is offline makes the job wait for it.
 */
@Injectable()
export class RemoveDatasetService {
  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly datasets: DatasetRepository,
    private readonly segments: SegmentRepository,
    private readonly nodes: StorageNodeRepository,
    private readonly stores: NodeStores,
    private readonly staging: StagingArea,
    private readonly ledger: LedgerWriter,
    private readonly outbox: Outbox,
    private readonly operations: Operations,
  ) {}

  /** @param key of REMOVAL_TOPIC */
  async execute(key: string): Promise<void> {
    const { tenantId, id } = parseTopicKey('dataset', key);
    const datasetId = id as DatasetId;
    const operation = { tenantId, resourceId: id, kind: DELETION_OPERATION };
    for (;;) {
      const batch = await this.uow.run((tx) => this.nextBatch(tx, tenantId, datasetId));
      if (!batch) break;
      for (const segment of batch.segments) {
        await this.deleteShards(segment.shards, batch.nodes);
        await this.staging.remove(tenantId, segment.id);
      }
      const ids = batch.segments.map((segment) => segment.id);
      await this.uow.run(async (tx) => {
        this.operations.advance(tx, operation, { done: await this.segments.deleteMany(tx, tenantId, ids) });
      });
    }
    await this.uow.runAs(workerContext(tenantId), async (tx) => {
      const through = await this.outbox.pendingThrough(tx, REMOVAL_TOPIC, key);
      await this.finish(tx, tenantId, datasetId);
      await this.operations.succeed(tx, operation);
      await this.outbox.complete(tx, REMOVAL_TOPIC, key, through);
    });
  }

  private async nextBatch(tx: Tx, tenantId: TenantId, datasetId: DatasetId): Promise<Batch | null> {
    const ids = await this.segments.idsOfDeleted(tx, tenantId, datasetId, SEGMENT_BATCH);
    if (ids.length === 0) return null;
    const nodes = new Map((await this.nodes.all(tx)).map((node) => [node.id, node]));
    const segments: Batch['segments'] = [];
    for (const id of ids) segments.push({ id, shards: await this.segments.shardsOf(tx, tenantId, id) });
    return { segments, nodes };
  }

  private async deleteShards(shards: readonly ShardPlace[], nodes: Batch['nodes']): Promise<void> {
    await Promise.all(
      shards.map(async ({ nodeId, name }) => {
        const node = nodes.get(nodeId);
        if (node) await this.stores.of(node).delete(name as ShardName);
      }),
    );
  }

  private async finish(tx: Tx, tenantId: TenantId, datasetId: DatasetId): Promise<void> {
    const dataset = await this.datasets.lock(tx, tenantId, datasetId).catch((error: unknown) => {
      if (error instanceof NotFoundError) return null;
      throw error;
    });
    if (!dataset?.deleting) return;
    await this.datasets.deleteWithHistory(tx, dataset);
    this.ledger.append(tx, {
      class: 'migration',
      action: 'dataset.removed',
      resource: { type: 'dataset', id: datasetId, version: dataset.version + 1 },
      scopeId: datasetId,
      before: null,
      after: null,
    });
  }
}
