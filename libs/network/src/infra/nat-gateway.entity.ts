import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ElasticIpId, NatGatewayId, SubnetId, TenantId, VpcId } from '#kernel';
import { bigintAsNumber } from './bigint-column.js';

@Entity('nat_gateway')
export class NatGatewayEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: NatGatewayId;

  @Column('text', { name: 'vpc_id' })
  vpcId: VpcId;

  @Column('text', { name: 'subnet_id' })
  subnetId: SubnetId;

  @Column('text', { name: 'elastic_ip_id' })
  elasticIpId: ElasticIpId;

  @Column('text', { nullable: true })
  name: string | null;

  @Column('bigint', { name: 'changed_generation', transformer: bigintAsNumber })
  changedGeneration: number;

  @Column('boolean')
  deleting: boolean;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;

  /** Its address in the subnet, a row of subnet_address. */
  privateAddress: string;

  /** The address of its elastic IP. */
  publicAddress: string;
}
