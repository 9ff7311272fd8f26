import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, UnitOfWork } from '#database';
import type { AddressPoolId, OpContext } from '#kernel';
import type { AddressPoolEntity } from '../infra/address-pool.entity.js';
import { AddressPoolRepository } from '../infra/address-pool.repository.js';

@Injectable()
export class AddressPoolQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly pools: AddressPoolRepository,
  ) {}

  get(ctx: OpContext, id: AddressPoolId): Promise<AddressPoolEntity> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'system:pool:read');
      return this.pools.get(tx, ctx.tenantId, id);
    });
  }

  list(ctx: OpContext, page: PageRequest): Promise<Page<AddressPoolEntity>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'system:pool:read');
      return this.pools.list(tx, ctx.tenantId, page);
    });
  }
}
