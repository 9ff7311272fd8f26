import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Tx, translating } from '#database';
import { type AddressPoolId, NotFoundError, type TenantId } from '#kernel';
import { PoolNameTakenError, PoolOverlapError } from '../domain/address-pool.js';
import { AddressPoolEntity } from './address-pool.entity.js';

/** How much of a pool one tenant uses. */
export interface PoolUser {
  tenantId: TenantId;
  kind: 'elastic-ip' | 'vpc-cidr-block';
  used: number;
}

/** The operator's pools; they belong to the reserved tenant, which is the one of the operator's transactions. */
@Injectable()
export class AddressPoolRepository {
  /** @throws PoolOverlapError, PoolNameTakenError */
  async insert(tx: Tx, pool: AddressPoolEntity): Promise<void> {
    const [other] = await tx.query<{ id: string; name: string; cidr: string }>(
      'SELECT id, name, cidr FROM address_pool WHERE tenant_id = $1 AND cidr && $2 ORDER BY cidr LIMIT 1',
      [pool.tenantId, pool.cidr],
    );
    if (other) throw new PoolOverlapError(pool.cidr, `${other.id} (${other.name}, ${other.cidr})`);
    await translating(
      {
        address_pool_no_overlap: () => new PoolOverlapError(pool.cidr),
        address_pool_name_unique: () => new PoolNameTakenError(),
      },
      () => tx.manager.insert(AddressPoolEntity, pool),
    );
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: AddressPoolId): Promise<AddressPoolEntity> {
    const pool = await tx.manager.findOneBy(AddressPoolEntity, { tenantId, id });
    if (!pool) throw new NotFoundError('address pool', id);
    return pool;
  }

  /** The row, locked until the transaction ends: nothing is allocated from it meanwhile. @throws NotFoundError */
  async lock(tx: Tx, tenantId: TenantId, id: AddressPoolId): Promise<AddressPoolEntity> {
    const pool = await tx.manager.findOne(AddressPoolEntity, {
      where: { tenantId, id },
      lock: { mode: 'pessimistic_write' },
    });
    if (!pool) throw new NotFoundError('address pool', id);
    return pool;
  }

  async users(tx: Tx, id: AddressPoolId): Promise<PoolUser[]> {
    const rows = await tx.query<{ tenant_id: TenantId; kind: PoolUser['kind']; used: string }>(
      'SELECT tenant_id, kind, used FROM crosstenant.address_pool_users($1)',
      [id],
    );
    return rows.map((row) => ({ tenantId: row.tenant_id, kind: row.kind, used: Number(row.used) }));
  }

  async remove(tx: Tx, { tenantId, id }: AddressPoolEntity): Promise<void> {
    await tx.manager.delete(AddressPoolEntity, { tenantId, id });
  }

  list(tx: Tx, tenantId: TenantId, page: PageRequest): Promise<Page<AddressPoolEntity>> {
    return pageOfEntities(tx, AddressPoolEntity, page, { tenantId });
  }
}
