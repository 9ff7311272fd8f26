import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { SubnetId, TenantId, VpcId } from '#kernel';
import { bigintAsNumber } from './bigint-column.js';

@Entity('subnet')
export class SubnetEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: SubnetId;

  @Column('text', { name: 'vpc_id' })
  vpcId: VpcId;

  @Column('text', { nullable: true })
  name: string | null;

  @Column('text')
  zone: string;

  @Column('cidr')
  cidr: string;

  @Column('cidr', { name: 'ipv6_cidr', nullable: true })
  ipv6Cidr: string | null;

  @Column('bigint', { name: 'changed_generation', transformer: bigintAsNumber })
  changedGeneration: number;

  @Column('boolean')
  deleting: boolean;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
