import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { StorageNodeId, TenantId } from '#kernel';

/** Where shards live. Belongs to the operator's reserved tenant. */
@Entity('storage_node')
export class StorageNodeEntity {
  @Column('text', { name: 'tenant_id' })
  tenantId: TenantId;

  @PrimaryColumn('text')
  id: StorageNodeId;

  @Column('text')
  name: string;

  @Column('text', { name: 'name_folded' })
  nameFolded: string;

  @Column('text')
  driver: 'directory';

  /** For a directory: its absolute path, as the data process and the workers see it. */
  @Column('text')
  location: string;

  @Column('text', { name: 'failure_domain' })
  failureDomain: string;

  @Column('integer')
  weight: number;

  /** A draining node gives shards and takes none. */
  @Column('text')
  status: 'active' | 'draining';

  @Column('integer')
  version: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt: Date;
}
