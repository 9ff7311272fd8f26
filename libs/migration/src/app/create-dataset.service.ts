import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { Clock, newId, type OpContext } from '#kernel';
import { LedgerWriter } from '#ledger';
import { foldName, QuotaRepository } from '#tenancy';
import { DatasetEntity } from '../infra/dataset.entity.js';
import { DatasetRepository } from '../infra/dataset.repository.js';
import { datasetRecord } from './migration-records.js';

export interface CreateDataset {
  name: string;
}

/** How segments are cut until storage classes can be chosen: any 4 of 6 shards bring a segment back. */
const DATA_SHARDS = 4;
const PARITY_SHARDS = 2;

@Injectable()
export class CreateDatasetService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly datasets: DatasetRepository,
    private readonly quotas: QuotaRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  /** The dataset has no key yet: its id is part of what the client wraps. */
  execute(ctx: OpContext, input: CreateDataset): Promise<DatasetEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'migration:write');
      await this.quotas.lock(tx, ctx.tenantId);
      await this.quotas.require(tx, ctx.tenantId, 'datasets', await this.datasets.count(tx, ctx.tenantId));
      const now = this.clock.now();
      const dataset = Object.assign(new DatasetEntity(), {
        tenantId: ctx.tenantId,
        id: newId('dataset', now.getTime()),
        name: input.name,
        nameFolded: foldName(input.name),
        dataShards: DATA_SHARDS,
        parityShards: PARITY_SHARDS,
        nextOrdinal: 0,
        keyDocument: null,
        keySigner: null,
        keyCheck: null,
        manifestVersion: null,
        deleting: false,
        version: 1,
        createdAt: now,
      });
      await this.datasets.insert(tx, dataset);
      this.ledger.append(tx, {
        class: 'migration',
        action: 'dataset.created',
        resource: { type: 'dataset', id: dataset.id, version: 1 },
        scopeId: dataset.id,
        before: null,
        after: datasetRecord(dataset),
      });
      return dataset;
    });
  }
}
