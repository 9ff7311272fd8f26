import type { DeletedDataset } from '../app/delete-dataset.service.js';
import type { IssuedTicket } from '../app/ticket-issuer.js';
import type { DatasetEntity } from '../infra/dataset.entity.js';
import type { StoredManifest } from '../infra/manifest.repository.js';
import type { StoredSegment } from '../infra/segment.repository.js';

export const datasetView = (dataset: DatasetEntity) => ({
  id: dataset.id,
  name: dataset.name,
  state: dataset.deleting
    ? ('deleting' as const)
    : dataset.manifestVersion === null
      ? ('empty' as const)
      : ('filled' as const),
  dataShards: dataset.dataShards,
  parityShards: dataset.parityShards,
  manifestVersion: dataset.manifestVersion,
  key: dataset.keyDocument,
  version: dataset.version,
  createdAt: dataset.createdAt.toISOString(),
});

export const deletedDatasetView = ({ dataset, operationId }: DeletedDataset) => ({
  ...datasetView(dataset),
  operationId,
});

export const manifestView = (manifest: StoredManifest) => ({
  datasetId: manifest.datasetId,
  manifestVersion: manifest.version,
  migrationId: manifest.migrationId,
  statement: manifest.statement.toString('base64'),
  signature: manifest.signature.toString('hex'),
  signer: manifest.signer.toString('hex'),
  contentRoot: manifest.contentRoot.toString('hex'),
  ledgerEntryId: manifest.ledgerEntryId,
  committedAt: manifest.committedAt?.toISOString(),
});

export const manifestSegmentView = ({ ordinal, record }: StoredSegment) => ({ ordinal, record });

export const ticketView = ({ url, ticket, expiresAt }: IssuedTicket) => ({
  url,
  ticket,
  expiresAt: expiresAt.toISOString(),
});
