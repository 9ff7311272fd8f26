import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Tx, translating } from '#database';
import { ConflictError, NotFoundError, type StorageNodeId, SYSTEM_TENANT_ID } from '#kernel';
import { StorageNodeEntity } from './storage-node.entity.js';

const taken = (field: 'name' | 'location') => () =>
  new ConflictError('StorageNodeTaken', `Another storage node has this ${field}.`, {
    errors: [
      {
        pointer: `/${field}`,
        rule: `storage-node.${field}-unique`,
        message: `another storage node has this ${field}`,
        fix: `choose another ${field}`,
      },
    ],
  });

const constraints = {
  storage_node_name_unique: taken('name'),
  storage_node_location_unique: taken('location'),
};

@Injectable()
export class StorageNodeRepository {
  insert(tx: Tx, node: StorageNodeEntity): Promise<unknown> {
    return translating(constraints, () => tx.manager.insert(StorageNodeEntity, node));
  }

  /** @throws NotFoundError */
  async get(tx: Tx, id: StorageNodeId): Promise<StorageNodeEntity> {
    const node = await tx.manager.findOneBy(StorageNodeEntity, { tenantId: SYSTEM_TENANT_ID, id });
    if (!node) throw new NotFoundError('storage node', id);
    return node;
  }

  /** @throws NotFoundError */
  async lock(tx: Tx, id: StorageNodeId): Promise<StorageNodeEntity> {
    const node = await tx.manager.findOne(StorageNodeEntity, {
      where: { tenantId: SYSTEM_TENANT_ID, id },
      lock: { mode: 'pessimistic_write' },
    });
    if (!node) throw new NotFoundError('storage node', id);
    return node;
  }

  async save(tx: Tx, node: StorageNodeEntity): Promise<void> {
    const { id, tenantId, ...columns } = node;
    await translating(constraints, () => tx.manager.update(StorageNodeEntity, { id, tenantId }, columns));
  }

  async delete(tx: Tx, node: StorageNodeEntity): Promise<void> {
    await tx.manager.delete(StorageNodeEntity, { tenantId: node.tenantId, id: node.id });
  }

  list(tx: Tx, page: PageRequest): Promise<Page<StorageNodeEntity>> {
    return pageOfEntities(tx, StorageNodeEntity, page, { tenantId: SYSTEM_TENANT_ID });
  }

  /** Every node, for placing and reading; to be called under the system role. */
  all(tx: Tx): Promise<StorageNodeEntity[]> {
    return tx.manager.find(StorageNodeEntity, { order: { id: 'ASC' } });
  }

  /** How many shards, of all tenants together, a node still holds. */
  async shardCount(tx: Tx, id: StorageNodeId): Promise<number> {
    const [row] = await tx.query<{ n: string }>('SELECT crosstenant.shards_on_node($1) AS n', [id]);
    return Number(row?.n ?? 0);
  }

  /** How many failure domains have an active node: what a tenant may know of the operator's nodes. */
  async activeFailureDomains(tx: Tx): Promise<number> {
    const [row] = await tx.query<{ n: number }>('SELECT crosstenant.active_failure_domains() AS n');
    return row?.n ?? 0;
  }
}
