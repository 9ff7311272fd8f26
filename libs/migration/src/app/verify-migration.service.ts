import { Injectable } from '@nestjs/common';
import { Outbox, SystemUnitOfWork, type Tx } from '#database';
import { type ManifestStatement, verifyManifest } from '#dataset';
import { Clock, type MigrationId, newId, type OpContext, type TenantId } from '#kernel';
import { LedgerWriter } from '#ledger';
import { Operations } from '#operations';
import { afterEvent } from '../domain/migration-state.js';
import { DatasetRepository } from '../infra/dataset.repository.js';
import { ManifestRepository, type StoredManifest } from '../infra/manifest.repository.js';
import type { MigrationEntity } from '../infra/migration.entity.js';
import { MigrationRepository } from '../infra/migration.repository.js';
import { SegmentRepository } from '../infra/segment.repository.js';
import { committedMigrationRecord, datasetRecord, migrationRecord } from './migration-records.js';
import { MIGRATION_OPERATION, parseTopicKey, VERIFICATION_TOPIC } from './topics.js';

const SEGMENT_PAGE = 1000;

/**
 * Commits a migration once every segment of its manifest is placed: the version becomes the dataset's, and its content root
 * and the root over all shard roots become a ledger entry, in one transaction. Runs as often as it likes; commits once.
 */
@Injectable()
export class VerifyMigrationService {
  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly clock: Clock,
    private readonly datasets: DatasetRepository,
    private readonly migrations: MigrationRepository,
    private readonly manifests: ManifestRepository,
    private readonly segments: SegmentRepository,
    private readonly ledger: LedgerWriter,
    private readonly outbox: Outbox,
    private readonly operations: Operations,
  ) {}

  /** @param key of VERIFICATION_TOPIC */
  async execute(key: string): Promise<void> {
    const { tenantId, id } = parseTopicKey('migration', key);
    await this.uow.runAs(workerContext(tenantId), async (tx) => {
      const through = await this.outbox.pendingThrough(tx, VERIFICATION_TOPIC, key);
      await this.commitIfPlaced(tx, tenantId, id as MigrationId);
      // Where a segment still waits, its placement gives the next hint: it saw this migration verifying, or we saw it placed.
      await this.outbox.complete(tx, VERIFICATION_TOPIC, key, through);
    });
  }

  private async commitIfPlaced(tx: Tx, tenantId: TenantId, id: MigrationId): Promise<void> {
    const { datasetId } = await this.migrations.get(tx, tenantId, id);
    const dataset = await this.datasets.lock(tx, tenantId, datasetId);
    const migration = await this.migrations.lock(tx, tenantId, id);
    if (migration.state !== 'verifying' || migration.manifestVersion === null) return;
    const manifest = await this.manifests.find(tx, tenantId, datasetId, migration.manifestVersion);
    if (!manifest) return;
    const { statement } = verifyManifest(manifest, [manifest.signer]);
    if (!(await this.allPlaced(tx, manifest, statement))) return;
    const before = migrationRecord(migration);
    Object.assign(migration, {
      state: afterEvent(id, migration.state, 'commit'),
      finishedAt: this.clock.now(),
      version: migration.version + 1,
    });
    const entry = this.record(tx, migration, manifest, statement, before);
    await this.manifests.commit(tx, manifest, entry.ledgerEntryId);
    await this.migrations.save(tx, migration);
    const datasetBefore = datasetRecord(dataset);
    Object.assign(dataset, { manifestVersion: manifest.version, version: dataset.version + 1 });
    await this.datasets.save(tx, dataset);
    this.ledger.append(tx, {
      class: 'migration',
      action: 'dataset.manifest-committed',
      resource: { type: 'dataset', id: datasetId, version: dataset.version },
      scopeId: datasetId,
      before: datasetBefore,
      after: datasetRecord(dataset),
    });
    await this.operations.succeed(tx, { tenantId, resourceId: id, kind: MIGRATION_OPERATION });
  }

  private async allPlaced(
    tx: Tx,
    { tenantId, datasetId }: StoredManifest,
    statement: ManifestStatement,
  ): Promise<boolean> {
    for (let from = 0; ; ) {
      const page = await this.segments.inRanges(tx, tenantId, datasetId, statement.segments.ranges, from, SEGMENT_PAGE);
      if (page.some((segment) => segment.state !== 'placed')) return false;
      if (page.length < SEGMENT_PAGE) return true;
      from = page.at(-1)!.ordinal + 1;
    }
  }

  private record(
    tx: Tx,
    migration: MigrationEntity,
    manifest: StoredManifest,
    statement: ManifestStatement,
    before: ReturnType<typeof migrationRecord>,
  ) {
    return this.ledger.append(tx, {
      class: 'migration',
      action: 'migration.committed',
      resource: { type: 'migration', id: migration.id, version: migration.version },
      scopeId: migration.datasetId,
      before,
      after: committedMigrationRecord(migration, manifest, statement),
    });
  }
}

/** A worker acting for one tenant, so that the entry goes to that tenant's chain. */
export function workerContext(tenantId: TenantId): OpContext {
  return {
    actor: { type: 'system', id: 'migration-worker', keyId: null, roles: ['worker'] },
    tenantId,
    requestId: newId('request'),
    permissions: new Set(),
  };
}
