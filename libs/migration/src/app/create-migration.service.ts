import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import {
  Clock,
  ConflictError,
  type DatasetId,
  NotFoundError,
  newId,
  type OpContext,
  ReferenceNotFoundError,
} from '#kernel';
import { LedgerWriter } from '#ledger';
import { TooFewFailureDomainsError } from '#placement';
import { MigrationActiveError } from '../domain/migration.errors.js';
import type { DatasetEntity } from '../infra/dataset.entity.js';
import { DatasetRepository } from '../infra/dataset.repository.js';
import { MigrationEntity } from '../infra/migration.entity.js';
import { MigrationRepository } from '../infra/migration.repository.js';
import { StorageNodeRepository } from '../infra/storage-node.repository.js';
import { migrationRecord } from './migration-records.js';

export interface CreateMigration {
  datasetId: DatasetId;
  source?: string;
}

@Injectable()
export class CreateMigrationService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly datasets: DatasetRepository,
    private readonly migrations: MigrationRepository,
    private readonly nodes: StorageNodeRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  /**
   * Announces a move of data into a dataset. Refused at once when the dataset has another under way, has no key, or when
   * there are too few failure domains for its shards: better now than after the upload.
   */
  execute(ctx: OpContext, input: CreateMigration): Promise<MigrationEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'migration:write');
      const dataset = await this.usableDataset(tx, ctx, input.datasetId);
      const active = await this.migrations.activeOf(tx, ctx.tenantId, dataset.id);
      if (active) throw new MigrationActiveError(dataset.id, active.id);
      const needed = dataset.dataShards + dataset.parityShards;
      const domains = await this.nodes.activeFailureDomains(tx);
      if (domains < needed) throw new TooFewFailureDomainsError(domains, needed);
      const now = this.clock.now();
      const migration = Object.assign(new MigrationEntity(), {
        tenantId: ctx.tenantId,
        id: newId('migration', now.getTime()),
        datasetId: dataset.id,
        state: 'draft' as const,
        resumeState: null,
        reason: null,
        source: input.source ?? null,
        scannedFiles: 0,
        scannedBytes: 0,
        manifestVersion: null,
        version: 1,
        createdAt: now,
        startedAt: null,
        finishedAt: null,
      });
      await this.migrations.insert(tx, migration);
      this.ledger.append(tx, {
        class: 'migration',
        action: 'migration.created',
        resource: { type: 'migration', id: migration.id, version: 1 },
        scopeId: migration.datasetId,
        before: null,
        after: migrationRecord(migration),
      });
      return migration;
    });
  }

  private async usableDataset(tx: Tx, ctx: OpContext, id: DatasetId): Promise<DatasetEntity> {
    const dataset = await this.datasets.lock(tx, ctx.tenantId, id).catch((error: unknown) => {
      throw error instanceof NotFoundError ? new ReferenceNotFoundError('dataset', id, '/datasetId') : error;
    });
    if (dataset.deleting) throw new ConflictError('DatasetDeleting', `The dataset ${id} is being deleted.`);
    if (!dataset.keyDocument) {
      throw new ConflictError(
        'DatasetKeyMissing',
        `The dataset ${id} has no key yet; set it first (PUT /v1/datasets/${id}/key).`,
      );
    }
    return dataset;
  }
}
