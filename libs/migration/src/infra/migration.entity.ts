import { Column, Entity, PrimaryColumn, type ValueTransformer } from 'typeorm';
import type { DatasetId, MigrationId, TenantId } from '#kernel';
import type { MigrationState } from '../domain/migration-state.js';

/** bigint columns hold byte and file counts, which stay far below 2^53. */
const safeInteger: ValueTransformer = {
  to: (value: number) => value,
  from: (value: string) => Number(value),
};

@Entity('migration')
export class MigrationEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: MigrationId;

  @Column('text', { name: 'dataset_id' })
  datasetId: DatasetId;

  @Column('text')
  state: MigrationState;

  @Column('text', { name: 'resume_state', nullable: true })
  resumeState: MigrationState | null;

  @Column('text', { nullable: true })
  reason: string | null;

  /** What the client calls its source; for people. */
  @Column('text', { nullable: true })
  source: string | null;

  @Column('bigint', { name: 'scanned_files', transformer: safeInteger })
  scannedFiles: number;

  @Column('bigint', { name: 'scanned_bytes', transformer: safeInteger })
  scannedBytes: number;

  @Column('integer', { name: 'manifest_version', nullable: true })
  manifestVersion: number | null;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  @Column('timestamptz', { name: 'started_at', nullable: true })
  startedAt: Date | null;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt: Date | null;
}
