import type { ManifestStatement } from '#dataset';
import type { JsonObject } from '#proof';
import type { DatasetEntity } from '../infra/dataset.entity.js';
import type { StoredManifest } from '../infra/manifest.repository.js';
import type { MigrationEntity } from '../infra/migration.entity.js';
import type { StorageNodeEntity } from '../infra/storage-node.entity.js';

/** What the ledger says of each resource. Nothing here tells anything of a tenant's plaintext or opens a key. */

export function storageNodeRecord(node: StorageNodeEntity): JsonObject {
  return {
    name: node.name,
    driver: node.driver,
    location: node.location,
    failureDomain: node.failureDomain,
    weight: node.weight,
    status: node.status,
  };
}

export function datasetRecord(dataset: DatasetEntity): JsonObject {
  return {
    name: dataset.name,
    dataShards: dataset.dataShards,
    parityShards: dataset.parityShards,
    keySigner: dataset.keySigner?.toString('hex') ?? null,
    keyCheck: dataset.keyCheck?.toString('hex') ?? null,
    recipients: dataset.keyDocument ? [...dataset.keyDocument.recipients] : null,
    recovery: dataset.keyDocument?.recovery ?? null,
    manifestVersion: dataset.manifestVersion,
  };
}

export function migrationRecord(migration: MigrationEntity): JsonObject {
  return {
    datasetId: migration.datasetId,
    state: migration.state,
    source: migration.source,
    reason: migration.reason,
    manifestVersion: migration.manifestVersion,
  };
}

/** A migration whose version is the dataset's: its entry fixes every byte of it. */
export function committedMigrationRecord(
  migration: MigrationEntity,
  manifest: Pick<StoredManifest, 'contentRoot' | 'signature'>,
  statement: ManifestStatement,
): JsonObject {
  return {
    ...migrationRecord(migration),
    contentRoot: manifest.contentRoot.toString('hex'),
    // The RFC 6962 root over the segment records, each of which holds the roots of its shards.
    segmentsRoot: statement.segments.root,
    segments: statement.segments.count,
    bytes: statement.segments.bytes,
    previous: statement.previous,
    signer: statement.signer,
    signature: manifest.signature.toString('hex'),
  };
}
