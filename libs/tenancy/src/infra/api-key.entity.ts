import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ApiKeyId, TenantId, UserId } from '#kernel';

@Entity('api_key')
export class ApiKeyEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: ApiKeyId;

  @Column('text', { name: 'user_id' })
  userId: UserId;

  @Column('text')
  name: string;

  @Column('bytea', { name: 'secret_hmac' })
  secretHmac: Buffer;

  @Column('text', { array: true, nullable: true })
  scopes: string[] | null;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
