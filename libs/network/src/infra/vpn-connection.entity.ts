import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { CustomerGatewayId, TenantId, VpcId, VpnConnectionId, VpnGatewayId } from '#kernel';
import { bigintAsNumber } from './bigint-column.js';

/** A connection without its secret, which is read by the one use case that shows it. */
@Entity('vpn_connection')
export class VpnConnectionEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: VpnConnectionId;

  @Column('text', { name: 'vpc_id' })
  vpcId: VpcId;

  @Column('text', { name: 'vpn_gateway_id' })
  vpnGatewayId: VpnGatewayId;

  @Column('text', { name: 'customer_gateway_id' })
  customerGatewayId: CustomerGatewayId;

  @Column('text', { nullable: true })
  name: string | null;

  @Column('cidr', { name: 'tunnel_block' })
  tunnelBlock: string;

  @Column('bigint', { name: 'changed_generation', transformer: bigintAsNumber })
  changedGeneration: number;

  @Column('boolean')
  deleting: boolean;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
