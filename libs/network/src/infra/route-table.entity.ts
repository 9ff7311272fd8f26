import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { RouteTableId, TenantId, VpcId } from '#kernel';
import { bigintAsNumber } from './bigint-column.js';

@Entity('route_table')
export class RouteTableEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: RouteTableId;

  @Column('text', { name: 'vpc_id' })
  vpcId: VpcId;

  @Column('text', { nullable: true })
  name: string | null;

  @Column('boolean', { name: 'is_main' })
  isMain: boolean;

  @Column('bigint', { name: 'changed_generation', transformer: bigintAsNumber })
  changedGeneration: number;

  @Column('boolean')
  deleting: boolean;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
