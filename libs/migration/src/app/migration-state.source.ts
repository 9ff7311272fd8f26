import { Injectable } from '@nestjs/common';
import { allPages, type Tx } from '#database';
import { verifyManifest } from '#dataset';
import { type JsonValue, type OpContext, SYSTEM_TENANT_ID } from '#kernel';
import { type LedgerStateSource, STATE_PAGE } from '#ledger';
import type { StateRecord } from '#proof';
import { DatasetRepository } from '../infra/dataset.repository.js';
import { ManifestRepository, type StoredManifest } from '../infra/manifest.repository.js';
import type { MigrationEntity } from '../infra/migration.entity.js';
import { MigrationRepository } from '../infra/migration.repository.js';
import { StorageNodeRepository } from '../infra/storage-node.repository.js';
import { committedMigrationRecord, datasetRecord, migrationRecord, storageNodeRecord } from './migration-records.js';

/** Datasets and the moves into them as the ledger tells them; for the operator, its storage nodes. */
@Injectable()
export class MigrationStateSource implements LedgerStateSource {
  readonly types = ['dataset', 'migration', 'storage-node'];

  constructor(
    private readonly datasets: DatasetRepository,
    private readonly migrations: MigrationRepository,
    private readonly manifests: ManifestRepository,
    private readonly nodes: StorageNodeRepository,
  ) {}

  async *read(tx: Tx, { tenantId }: OpContext): AsyncGenerator<StateRecord[]> {
    for await (const page of allPages((at) => this.datasets.list(tx, tenantId, at, {}), STATE_PAGE)) {
      yield page
        .filter((dataset) => !dataset.deleting)
        .map((dataset) => ({
          type: 'dataset',
          id: dataset.id,
          version: dataset.version,
          state: datasetRecord(dataset),
        }));
    }
    for await (const page of allPages((at) => this.migrations.list(tx, tenantId, at, {}), STATE_PAGE)) {
      const records: StateRecord[] = [];
      for (const migration of page) {
        const { id, version } = migration;
        records.push({ type: 'migration', id, version, state: await this.recordOf(tx, migration) });
      }
      yield records;
    }
    if (tenantId !== SYSTEM_TENANT_ID) return;
    for await (const page of allPages((at) => this.nodes.list(tx, at), STATE_PAGE)) {
      yield page.map((node) => ({
        type: 'storage-node',
        id: node.id,
        version: node.version,
        state: storageNodeRecord(node),
      }));
    }
  }

  private async recordOf(tx: Tx, migration: MigrationEntity): Promise<JsonValue> {
    const { tenantId, datasetId, manifestVersion, state } = migration;
    if (state !== 'ready' || manifestVersion === null) return migrationRecord(migration);
    const manifest = await this.manifests.find(tx, tenantId, datasetId, manifestVersion);
    return manifest ? committedRecord(migration, manifest) : migrationRecord(migration);
  }
}

/** What a manifest says that does not verify counts for nothing, and is missed in the record. */
function committedRecord(migration: MigrationEntity, manifest: StoredManifest): JsonValue {
  try {
    return committedMigrationRecord(migration, manifest, verifyManifest(manifest, [manifest.signer]).statement);
  } catch {
    return migrationRecord(migration);
  }
}
