import { Column, Entity, PrimaryColumn, type ValueTransformer } from 'typeorm';
import type { OperationId, TenantId } from '#kernel';
import type { OperationError, OperationState } from '../domain/operation.js';

/** bigint columns hold counts of segments and the like, which stay far below 2^53. */
const safeInteger: ValueTransformer = {
  to: (value: number | null) => value,
  from: (value: string | null) => (value === null ? null : Number(value)),
};

@Entity('operation')
export class OperationEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: OperationId;

  /** `<resource type>.<verb>` */
  @Column('text')
  kind: string;

  @Column('text', { name: 'resource_type' })
  resourceType: string;

  @Column('text', { name: 'resource_id' })
  resourceId: string;

  @Column('text')
  state: OperationState;

  @Column('bigint', { transformer: safeInteger })
  done: number;

  @Column('bigint', { nullable: true, transformer: safeInteger })
  total: number | null;

  @Column('text')
  unit: string;

  @Column('json', { nullable: true })
  error: OperationError | null;

  @Column('timestamptz', { name: 'started_at' })
  startedAt: Date;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt: Date | null;

  @Column('integer')
  version: number;
}
