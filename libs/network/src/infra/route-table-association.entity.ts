import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { RouteTableAssociationId, RouteTableId, SubnetId, TenantId, VpcId } from '#kernel';
import { bigintAsNumber } from './bigint-column.js';

@Entity('route_table_association')
export class RouteTableAssociationEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: RouteTableAssociationId;

  @Column('text', { name: 'vpc_id' })
  vpcId: VpcId;

  @Column('text', { name: 'route_table_id' })
  routeTableId: RouteTableId;

  @Column('text', { name: 'subnet_id' })
  subnetId: SubnetId;

  @Column('bigint', { name: 'changed_generation', transformer: bigintAsNumber })
  changedGeneration: number;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
