import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { verifyKeyDocument } from '#dataset';
import { ConflictError, type DatasetId, type OpContext, requireMatch } from '#kernel';
import { LedgerWriter } from '#ledger';
import type { DatasetEntity } from '../infra/dataset.entity.js';
import { DatasetRepository } from '../infra/dataset.repository.js';
import { datasetRecord } from './migration-records.js';

@Injectable()
export class SetDatasetKeyService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly datasets: DatasetRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  /**
   * Stores the signed, wrapped dataset key. The first document fixes the key and who signs for the dataset; a later one may
   * only wrap the same key to other recipients, which is how a dataset is shared.
   * @throws CorruptDatasetError, UntrustedSignatureError, ConflictError `DatasetKeyFixed`
   */
  execute(ctx: OpContext, id: DatasetId, value: unknown): Promise<DatasetEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'migration:write');
      const dataset = await this.datasets.lock(tx, ctx.tenantId, id);
      requireMatch(ctx, dataset);
      const document = verifyKeyDocument(value, id, dataset.keySigner ? [dataset.keySigner] : null);
      if (dataset.keyCheck && dataset.keyCheck.toString('hex') !== document.keyCheck) {
        throw new ConflictError(
          'DatasetKeyFixed',
          `The dataset ${id} has a key, and its segments are sealed under it; wrap that key to the new recipients.`,
        );
      }
      const before = datasetRecord(dataset);
      Object.assign(dataset, {
        keyDocument: document,
        keySigner: Buffer.from(document.signer, 'hex'),
        keyCheck: Buffer.from(document.keyCheck, 'hex'),
        version: dataset.version + 1,
      });
      await this.datasets.save(tx, dataset);
      this.ledger.append(tx, {
        class: 'migration',
        action: 'dataset.key-set',
        resource: { type: 'dataset', id, version: dataset.version },
        scopeId: id,
        before,
        after: datasetRecord(dataset),
      });
      return dataset;
    });
  }
}
