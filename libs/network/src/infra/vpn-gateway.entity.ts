import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TenantId, VpcId, VpnGatewayId } from '#kernel';
import { bigintAsNumber } from './bigint-column.js';

@Entity('vpn_gateway')
export class VpnGatewayEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: VpnGatewayId;

  @Column('text', { nullable: true })
  name: string | null;

  /** While `detaching`, the VPC whose data plane may still use the gateway. */
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
