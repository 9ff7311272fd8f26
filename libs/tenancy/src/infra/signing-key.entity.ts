import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { SigningKeyId, TenantId, UserId } from '#kernel';

@Entity('signing_key')
export class SigningKeyEntity {
  @PrimaryColumn('text', { name: 'tenant_id' })
  tenantId: TenantId;

  /** Unique in its tenant: the client draws it. */
  @PrimaryColumn('text')
  id: SigningKeyId;

  @Column('text', { name: 'user_id' })
  userId: UserId;

  @Column('text')
  name: string;

  /** Ed25519, 32 bytes. */
  @Column('bytea', { name: 'public_key' })
  publicKey: Buffer;

  /** Null: the root key. */
  @Column('text', { name: 'enrolled_by', nullable: true })
  enrolledBy: SigningKeyId | null;

  /** The enrolling key's signature over the enrolment statement, 64 bytes. */
  @Column('bytea')
  signature: Buffer;

  /** The key's own signature over it. */
  @Column('bytea')
  possession: Buffer;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
