import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Tx, translating } from '#database';
import { type DatasetId, type MigrationId, NotFoundError, type TenantId } from '#kernel';
import { MigrationActiveError } from '../domain/migration.errors.js';
import { MigrationEntity } from './migration.entity.js';

@Injectable()
export class MigrationRepository {
  insert(tx: Tx, migration: MigrationEntity): Promise<unknown> {
    return translating({ migration_one_active: () => new MigrationActiveError(migration.datasetId, null) }, () =>
      tx.manager.insert(MigrationEntity, migration),
    );
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: MigrationId): Promise<MigrationEntity> {
    const migration = await tx.manager.findOneBy(MigrationEntity, { tenantId, id });
    if (!migration) throw new NotFoundError('migration', id);
    return migration;
  }

  /** @throws NotFoundError */
  async lock(tx: Tx, tenantId: TenantId, id: MigrationId): Promise<MigrationEntity> {
    const migration = await tx.manager.findOne(MigrationEntity, {
      where: { tenantId, id },
      lock: { mode: 'pessimistic_write' },
    });
    if (!migration) throw new NotFoundError('migration', id);
    return migration;
  }

  async save(tx: Tx, migration: MigrationEntity): Promise<void> {
    const { id, tenantId, ...columns } = migration;
    await tx.manager.update(MigrationEntity, { id, tenantId }, columns);
  }

  /** The dataset's one migration that is under way, or null. */
  async activeOf(tx: Tx, tenantId: TenantId, datasetId: DatasetId): Promise<MigrationEntity | null> {
    return tx.manager
      .createQueryBuilder(MigrationEntity, 'm')
      .where('m.tenant_id = :tenantId AND m.dataset_id = :datasetId', { tenantId, datasetId })
      .andWhere("m.state NOT IN ('ready', 'cutover', 'integrated', 'finalized', 'failed')")
      .getOne();
  }

  /**
   * The dataset's migration that waits for its segments, held against a change of state until the transaction ends: a
   * manifest that comes in meanwhile waits, and then finds this transaction's segment placed.
   */
  async holdVerifying(tx: Tx, tenantId: TenantId, datasetId: DatasetId): Promise<MigrationId | null> {
    const rows = await tx.query<{ id: MigrationId; state: string }>(
      `SELECT id, state FROM migration WHERE tenant_id = $1 AND dataset_id = $2
          AND state NOT IN ('ready', 'cutover', 'integrated', 'finalized', 'failed') FOR SHARE`,
      [tenantId, datasetId],
    );
    return rows.find((row) => row.state === 'verifying')?.id ?? null;
  }

  list(
    tx: Tx,
    tenantId: TenantId,
    page: PageRequest,
    filter: { datasetId?: DatasetId },
  ): Promise<Page<MigrationEntity>> {
    return pageOfEntities(tx, MigrationEntity, page, { tenantId, ...filter });
  }
}
