import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { GatewayHostId, TenantId } from '#kernel';

@Entity('gateway_host')
export class GatewayHostEntity {
  /** The operator's. */
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: GatewayHostId;

  @Column('text')
  name: string;

  @Column('text', { name: 'name_folded' })
  nameFolded: string;

  @Column('text', { name: 'wireguard_public_key' })
  wireguardPublicKey: string;

  @Column('text', { name: 'endpoint_host' })
  endpointHost: string;

  @Column('integer', { name: 'first_port' })
  firstPort: number;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
