import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { CustomerGatewayId, TenantId } from '#kernel';

@Entity('customer_gateway')
export class CustomerGatewayEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: CustomerGatewayId;

  @Column('text', { nullable: true })
  name: string | null;

  @Column('inet')
  address: string;

  @Column('text', { name: 'wireguard_public_key', nullable: true })
  wireguardPublicKey: string | null;

  @Column('bigint', {
    nullable: true,
    transformer: {
      to: (value: number | null) => value,
      from: (value: string | null) => (value === null ? null : Number(value)),
    },
  })
  asn: number | null;

  @Column('boolean')
  deleting: boolean;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
