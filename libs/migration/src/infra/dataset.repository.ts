import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Tx, translating } from '#database';
import { ConflictError, type DatasetId, NotFoundError, type TenantId } from '#kernel';
import { DatasetEntity } from './dataset.entity.js';

const nameTaken = () =>
  new ConflictError('DatasetNameTaken', 'Another dataset of this tenant has this name.', {
    errors: [
      {
        pointer: '/name',
        rule: 'dataset.name-unique',
        message: 'another dataset has this name',
        fix: 'choose another name, or use the dataset that is there',
      },
    ],
  });

@Injectable()
export class DatasetRepository {
  insert(tx: Tx, dataset: DatasetEntity): Promise<unknown> {
    return translating({ dataset_name_unique: nameTaken }, () => tx.manager.insert(DatasetEntity, dataset as never));
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: DatasetId): Promise<DatasetEntity> {
    const dataset = await tx.manager.findOneBy(DatasetEntity, { tenantId, id });
    if (!dataset) throw new NotFoundError('dataset', id);
    return dataset;
  }

  /** The row, locked until the transaction ends. First in this feature's lock order, before its migration. @throws NotFoundError */
  async lock(tx: Tx, tenantId: TenantId, id: DatasetId): Promise<DatasetEntity> {
    const dataset = await tx.manager.findOne(DatasetEntity, {
      where: { tenantId, id },
      lock: { mode: 'pessimistic_write' },
    });
    if (!dataset) throw new NotFoundError('dataset', id);
    return dataset;
  }

  async save(tx: Tx, dataset: DatasetEntity): Promise<void> {
    const { id, tenantId, ...columns } = dataset;
    await tx.manager.update(DatasetEntity, { id, tenantId }, columns as never);
  }

  /** Removes a dataset that has no segments any more, with its manifests and migrations; the ledger keeps what they were. */
  async deleteWithHistory(tx: Tx, { tenantId, id }: DatasetEntity): Promise<void> {
    await tx.execute('DELETE FROM manifest WHERE tenant_id = $1 AND dataset_id = $2', [tenantId, id]);
    await tx.execute('DELETE FROM migration WHERE tenant_id = $1 AND dataset_id = $2', [tenantId, id]);
    await tx.manager.delete(DatasetEntity, { tenantId, id });
  }

  count(tx: Tx, tenantId: TenantId): Promise<number> {
    return tx.manager.countBy(DatasetEntity, { tenantId });
  }

  list(tx: Tx, tenantId: TenantId, page: PageRequest, filter: { nameFolded?: string }): Promise<Page<DatasetEntity>> {
    return pageOfEntities(tx, DatasetEntity, page, { tenantId, ...filter });
  }

  async ids(tx: Tx, tenantId: TenantId): Promise<DatasetId[]> {
    const rows = await tx.query<{ id: DatasetId }>('SELECT id FROM dataset WHERE tenant_id = $1 ORDER BY id', [
      tenantId,
    ]);
    return rows.map((row) => row.id);
  }
}
