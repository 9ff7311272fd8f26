import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { CidrBlockId, TenantId, VpcId } from '#kernel';
import { bigintAsNumber } from './bigint-column.js';

@Entity('vpc_cidr_block')
export class CidrBlockEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: CidrBlockId;

  @Column('text', { name: 'vpc_id' })
  vpcId: VpcId;

  @Column('cidr')
  cidr: string;

  @Column('boolean', { name: 'is_primary' })
  isPrimary: boolean;

  @Column('bigint', { name: 'changed_generation', transformer: bigintAsNumber })
  changedGeneration: number;

  @Column('boolean')
  deleting: boolean;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
