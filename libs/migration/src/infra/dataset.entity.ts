import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { KeyDocument } from '#dataset';
import type { DatasetId, TenantId } from '#kernel';

@Entity('dataset')
export class DatasetEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: DatasetId;

  @Column('text')
  name: string;

  @Column('text', { name: 'name_folded' })
  nameFolded: string;

  @Column('smallint', { name: 'data_shards' })
  dataShards: number;

  @Column('smallint', { name: 'parity_shards' })
  parityShards: number;

  /** The ordinal that the next segment gets; they never come twice. */
  @Column('integer', { name: 'next_ordinal' })
  nextOrdinal: number;

  @Column('json', { name: 'key_document', nullable: true })
  keyDocument: KeyDocument | null;

  @Column('bytea', { name: 'key_signer', nullable: true })
  keySigner: Buffer | null;

  @Column('bytea', { name: 'key_check', nullable: true })
  keyCheck: Buffer | null;

  /** The newest committed manifest, or null before the first. */
  @Column('integer', { name: 'manifest_version', nullable: true })
  manifestVersion: number | null;

  @Column('boolean')
  deleting: boolean;

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
