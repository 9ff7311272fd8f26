import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TenantId, VpcId } from '#kernel';
import { bigintAsNumber } from './bigint-column.js';

export type Realization = 'planned' | 'programmed' | 'verified';

@Entity('vpc')
export class VpcEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: VpcId;

  @Column('text', { nullable: true })
  name: string | null;

  @Column('bigint', { transformer: bigintAsNumber })
  generation: number;

  @Column('bigint', { name: 'realized_generation', transformer: bigintAsNumber })
  realizedGeneration: number;

  @Column('bigint', { name: 'changed_generation', transformer: bigintAsNumber })
  changedGeneration: number;

  @Column('text')
  realization: Realization;

  @Column('text', { nullable: true })
  failure: string | null;

  @Column('boolean')
  deleting: boolean;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
