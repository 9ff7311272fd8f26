import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TenantId } from '#kernel';

@Entity('tenant')
export class TenantEntity {
  @PrimaryColumn('text')
  id: TenantId;

  @Column('text')
  name: string;

  @Column('text', { name: 'name_folded' })
  nameFolded: string;

  @Column('boolean')
  suspended: boolean;

  @Column('boolean')
  deleted: boolean;

  /** Ed25519, 32 bytes; null for the operator's own tenant alone. */
  @Column('bytea', { name: 'root_public_key', nullable: true })
  rootPublicKey: Buffer | null;

  @Column('bytea', { name: 'view_key_commitment', nullable: true })
  viewKeyCommitment: Buffer | null;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
