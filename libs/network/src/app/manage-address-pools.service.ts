import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import {
  type AddressPoolId,
  type Blocker,
  Clock,
  DependencyViolationError,
  newId,
  type OpContext,
  requireMatch,
} from '#kernel';
import { foldName } from '#tenancy';
import { type PoolPurpose, requirePoolRange } from '../domain/address-pool.js';
import { AddressPoolEntity } from '../infra/address-pool.entity.js';
import { AddressPoolRepository, type PoolUser } from '../infra/address-pool.repository.js';
import { NetworkChanges } from './network-changes.js';
import { addressPoolRecord } from './network-records.js';

export interface CreateAddressPool {
  name: string;
  cidrBlock: string;
  purpose: PoolPurpose;
}

/** Creates and deletes the operator's address pools; recorded in the operator's own chain. */
@Injectable()
export class ManageAddressPoolsService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly pools: AddressPoolRepository,
    private readonly changes: NetworkChanges,
  ) {}

  /** @throws InvalidInputError, PoolOverlapError, PoolNameTakenError */
  create(ctx: OpContext, input: CreateAddressPool): Promise<AddressPoolEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'system:pool:write');
      const now = this.clock.now();
      const pool = Object.assign(new AddressPoolEntity(), {
        tenantId: ctx.tenantId,
        id: newId('addressPool', now.getTime()),
        name: input.name,
        nameFolded: foldName(input.name),
        purpose: input.purpose,
        cidr: requirePoolRange(input.cidrBlock, input.purpose),
        version: 1,
        createdAt: now,
      });
      await this.pools.insert(tx, pool);
      this.changes.recordSystem(tx, {
        action: 'address-pool.created',
        type: 'address-pool',
        id: pool.id,
        version: 1,
        before: null,
        after: addressPoolRecord(pool),
      });
      return pool;
    });
  }

  /** @throws DependencyViolationError while tenants hold addresses or blocks of it */
  delete(ctx: OpContext, id: AddressPoolId): Promise<AddressPoolEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'system:pool:write');
      const pool = await this.pools.lock(tx, ctx.tenantId, id);
      requireMatch(ctx, pool);
      const users = await this.pools.users(tx, id);
      if (users.length > 0) throw new DependencyViolationError('address pool', id, users.map(tenantBlocker));
      await this.pools.remove(tx, pool);
      pool.version += 1;
      this.changes.recordSystem(tx, {
        action: 'address-pool.deleted',
        type: 'address-pool',
        id,
        version: pool.version,
        before: addressPoolRecord(pool),
        after: null,
      });
      return pool;
    });
  }
}

function tenantBlocker({ tenantId, kind, used }: PoolUser): Blocker {
  const what = kind === 'elastic-ip' ? 'elastic IP(s): it must release them' : 'block(s) of VPCs: it must remove them';
  return { id: tenantId, kind: 'tenant', fix: `the tenant holds ${used} ${what}` };
}
