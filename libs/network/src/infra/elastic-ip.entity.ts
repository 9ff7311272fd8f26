import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AddressPoolId, ElasticIpId, TenantId } from '#kernel';

@Entity('elastic_ip')
export class ElasticIpEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: ElasticIpId;

  @Column('text', { nullable: true })
  name: string | null;

  @Column('text', { name: 'pool_id' })
  poolId: AddressPoolId;

  @Column('inet')
  address: string;

  @Column('boolean')
  deleting: boolean;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
