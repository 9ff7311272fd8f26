import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AddressPoolId, TenantId } from '#kernel';
import type { PoolPurpose } from '../domain/address-pool.js';

@Entity('address_pool')
export class AddressPoolEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: AddressPoolId;

  @Column('text')
  name: string;

  @Column('text', { name: 'name_folded' })
  nameFolded: string;

  @Column('text')
  purpose: PoolPurpose;

  @Column('cidr')
  cidr: string;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
