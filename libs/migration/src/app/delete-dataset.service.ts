import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { Outbox, type Tx, UnitOfWork } from '#database';
import { type DatasetId, DependencyViolationError, type OpContext, type OperationId, requireMatch } from '#kernel';
import { LedgerWriter } from '#ledger';
import { Operations } from '#operations';
import type { DatasetEntity } from '../infra/dataset.entity.js';
import { DatasetRepository } from '../infra/dataset.repository.js';
import { MigrationRepository } from '../infra/migration.repository.js';
import { SegmentRepository } from '../infra/segment.repository.js';
import { datasetRecord } from './migration-records.js';
import { DELETION_OPERATION, REMOVAL_TOPIC, topicKey } from './topics.js';

/** A dataset that is going, with the operation to watch that by. */
export interface DeletedDataset {
  dataset: DatasetEntity;
  operationId: OperationId;
}

@Injectable()
export class DeleteDatasetService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly datasets: DatasetRepository,
    private readonly migrations: MigrationRepository,
    private readonly ledger: LedgerWriter,
    private readonly outbox: Outbox,
    private readonly segments: SegmentRepository,
    private readonly operations: Operations,
  ) {}

  /**
   * Forgets the wrapped key at once, which makes every segment unreadable for whoever has no copy of it; a job then deletes
   * shards and rows. Deleting again is no error until that is done. The name is free at once.
   * @throws DependencyViolationError while a migration is under way
   */
  execute(ctx: OpContext, id: DatasetId): Promise<DeletedDataset> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'migration:write');
      const dataset = await this.datasets.lock(tx, ctx.tenantId, id);
      requireMatch(ctx, dataset);
      if (dataset.deleting) return this.withOperation(tx, dataset);
      const active = await this.migrations.activeOf(tx, ctx.tenantId, id);
      if (active) {
        throw new DependencyViolationError('dataset', id, [
          { id: active.id, kind: 'migration', fix: `POST /v1/migrations/${active.id}/cancel` },
        ]);
      }
      const before = datasetRecord(dataset);
      Object.assign(dataset, {
        deleting: true,
        keyDocument: null,
        nameFolded: dataset.id,
        version: dataset.version + 1,
      });
      await this.datasets.save(tx, dataset);
      this.ledger.append(tx, {
        class: 'migration',
        action: 'dataset.deleted',
        resource: { type: 'dataset', id, version: dataset.version },
        scopeId: id,
        before,
        after: null,
      });
      this.outbox.add(tx, { topic: REMOVAL_TOPIC, key: topicKey(ctx.tenantId, id) });
      return this.withOperation(tx, dataset);
    });
  }

  private async withOperation(tx: Tx, dataset: DatasetEntity): Promise<DeletedDataset> {
    const operationId = await this.operations.start(tx, {
      kind: DELETION_OPERATION,
      resource: { type: 'dataset', id: dataset.id },
      total: await this.segments.countOf(tx, dataset.tenantId, dataset.id),
      unit: 'segments',
    });
    return { dataset, operationId };
  }
}
