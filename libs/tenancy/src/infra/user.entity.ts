import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Role, TenantId, UserId } from '#kernel';

@Entity('tenant_user')
export class UserEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: UserId;

  @Column('text')
  name: string;

  @Column('text', { name: 'name_folded' })
  nameFolded: string;

  @Column('text', { array: true })
  roles: Role[];

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
