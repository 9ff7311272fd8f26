import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { InternetGatewayId, TenantId, VpcId } from '#kernel';
import { bigintAsNumber } from './bigint-column.js';

@Entity('internet_gateway')
export class InternetGatewayEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: InternetGatewayId;

  @Column('text', { nullable: true })
  name: string | null;

  /** While `detaching`, the VPC whose data plane may still use it. */
  @Column('text', { name: 'vpc_id', nullable: true })
  vpcId: VpcId | null;

  @Column('boolean')
  detaching: boolean;

  @Column('bigint', { name: 'changed_generation', transformer: bigintAsNumber })
  changedGeneration: number;

  @Column('boolean')
  deleting: boolean;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
