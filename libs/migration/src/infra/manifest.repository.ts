import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import { type DatasetId, type LedgerEntryId, type MigrationId, NotFoundError, type TenantId } from '#kernel';

/** One version of a dataset as its client signed it. `committedAt` is null until every segment of it is placed. */
export interface StoredManifest {
  tenantId: TenantId;
  datasetId: DatasetId;
  version: number;
  migrationId: MigrationId;
  statement: Buffer;
  signature: Buffer;
  signer: Buffer;
  contentRoot: Buffer;
  ledgerEntryId: LedgerEntryId | null;
  committedAt: Date | null;
}

interface ManifestRow {
  tenant_id: TenantId;
  dataset_id: DatasetId;
  version: number;
  migration_id: MigrationId;
  statement: Buffer;
  signature: Buffer;
  signer: Buffer;
  content_root: Buffer;
  ledger_entry_id: LedgerEntryId | null;
  committed_at: Date | null;
}

const SELECT = `SELECT tenant_id, dataset_id, version, migration_id, statement, signature, signer, content_root, ledger_entry_id,
  committed_at FROM manifest`;

function fromRow(row: ManifestRow): StoredManifest {
  return {
    tenantId: row.tenant_id,
    datasetId: row.dataset_id,
    version: row.version,
    migrationId: row.migration_id,
    statement: row.statement,
    signature: row.signature,
    signer: row.signer,
    contentRoot: row.content_root,
    ledgerEntryId: row.ledger_entry_id,
    committedAt: row.committed_at,
  };
}

/** Manifests as exact bytes: what was signed must come back as it was. */
@Injectable()
export class ManifestRepository {
  /** Stores a manifest that is not committed; one of the same version that never was is replaced. */
  async submit(tx: Tx, manifest: Omit<StoredManifest, 'ledgerEntryId' | 'committedAt'>): Promise<void> {
    await tx.execute(
      'DELETE FROM manifest WHERE tenant_id = $1 AND dataset_id = $2 AND version = $3 AND committed_at IS NULL',
      [manifest.tenantId, manifest.datasetId, manifest.version],
    );
    await tx.execute(
      `INSERT INTO manifest (tenant_id, dataset_id, version, migration_id, statement, signature, signer, content_root)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        manifest.tenantId,
        manifest.datasetId,
        manifest.version,
        manifest.migrationId,
        manifest.statement,
        manifest.signature,
        manifest.signer,
        manifest.contentRoot,
      ],
    );
  }

  async commit(tx: Tx, manifest: StoredManifest, ledgerEntryId: string): Promise<void> {
    await tx.execute(
      `UPDATE manifest SET committed_at = now(), ledger_entry_id = $4
        WHERE tenant_id = $1 AND dataset_id = $2 AND version = $3 AND committed_at IS NULL`,
      [manifest.tenantId, manifest.datasetId, manifest.version, ledgerEntryId],
    );
  }

  async find(tx: Tx, tenantId: TenantId, datasetId: DatasetId, version: number): Promise<StoredManifest | null> {
    const [row] = await tx.query<ManifestRow>(`${SELECT} WHERE tenant_id = $1 AND dataset_id = $2 AND version = $3`, [
      tenantId,
      datasetId,
      version,
    ]);
    return row ? fromRow(row) : null;
  }

  /** A committed manifest. @throws NotFoundError */
  async committed(tx: Tx, tenantId: TenantId, datasetId: DatasetId, version: number): Promise<StoredManifest> {
    const manifest = await this.find(tx, tenantId, datasetId, version);
    if (!manifest?.committedAt) throw new NotFoundError('manifest', `${datasetId}/${version}`);
    return manifest;
  }
}
