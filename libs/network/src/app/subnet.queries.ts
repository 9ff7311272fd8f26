import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, UnitOfWork } from '#database';
import type { OpContext, SubnetId } from '#kernel';
import type { SubnetEntity } from '../infra/subnet.entity.js';
import { type SubnetFilter, SubnetRepository } from '../infra/subnet.repository.js';
import type { Placed } from './placed.js';
import { Placement } from './placement.js';

@Injectable()
export class SubnetQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly subnets: SubnetRepository,
    private readonly placement: Placement,
  ) {}

  get(ctx: OpContext, id: SubnetId): Promise<Placed<SubnetEntity>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      return this.placement.one(tx, ctx, await this.subnets.get(tx, ctx.tenantId, id));
    });
  }

  list(ctx: OpContext, page: PageRequest, filter: SubnetFilter): Promise<Page<Placed<SubnetEntity>>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      return this.placement.page(tx, ctx, await this.subnets.list(tx, ctx.tenantId, page, filter));
    });
  }
}
