import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, UnitOfWork } from '#database';
import type { InternetGatewayId, OpContext } from '#kernel';
import type { InternetGatewayEntity } from '../infra/internet-gateway.entity.js';
import { type InternetGatewayFilter, InternetGatewayRepository } from '../infra/internet-gateway.repository.js';
import type { Placed } from './placed.js';
import { Placement } from './placement.js';

@Injectable()
export class InternetGatewayQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly gateways: InternetGatewayRepository,
    private readonly placement: Placement,
  ) {}

  get(ctx: OpContext, id: InternetGatewayId): Promise<Placed<InternetGatewayEntity>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      return this.placement.one(tx, ctx, await this.gateways.get(tx, ctx.tenantId, id));
    });
  }

  list(ctx: OpContext, page: PageRequest, filter: InternetGatewayFilter): Promise<Page<Placed<InternetGatewayEntity>>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      return this.placement.page(tx, ctx, await this.gateways.list(tx, ctx.tenantId, page, filter));
    });
  }
}
