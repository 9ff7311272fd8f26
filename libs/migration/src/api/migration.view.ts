import type { StartedMigration } from '../app/change-migration.service.js';
import type { MigrationProgress } from '../app/migration.queries.js';
import type { RegisteredSegment } from '../app/register-segments.service.js';
import type { MigrationEntity } from '../infra/migration.entity.js';
import { ticketView } from './dataset.view.js';

export const migrationView = (migration: MigrationEntity) => ({
  id: migration.id,
  datasetId: migration.datasetId,
  state: migration.state,
  reason: migration.reason,
  source: migration.source,
  scannedFiles: migration.scannedFiles,
  scannedBytes: migration.scannedBytes,
  manifestVersion: migration.manifestVersion,
  version: migration.version,
  createdAt: migration.createdAt.toISOString(),
  startedAt: migration.startedAt?.toISOString() ?? null,
  finishedAt: migration.finishedAt?.toISOString() ?? null,
});

export const startedMigrationView = ({ migration, operationId }: StartedMigration) => ({
  ...migrationView(migration),
  operationId,
});

export const migrationProgressView = ({ migration, totals, missing, waiting }: MigrationProgress) => ({
  ...migrationView(migration),
  segments: { ...totals, missing },
  waiting,
});

export const registeredSegmentsView = (registered: RegisteredSegment[]) => ({
  segments: registered.map(({ segment, ticket }) => ({
    id: segment.record.id,
    ordinal: segment.ordinal,
    state: segment.state,
    reason: segment.reason,
    upload: ticket ? ticketView(ticket) : null,
  })),
});
