import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, UnitOfWork } from '#database';
import type { NatGatewayId, OpContext } from '#kernel';
import type { NatGatewayEntity } from '../infra/nat-gateway.entity.js';
import { type NatGatewayFilter, NatGatewayRepository } from '../infra/nat-gateway.repository.js';
import type { Placed } from './placed.js';
import { Placement } from './placement.js';

@Injectable()
export class NatGatewayQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly natGateways: NatGatewayRepository,
    private readonly placement: Placement,
  ) {}

  get(ctx: OpContext, id: NatGatewayId): Promise<Placed<NatGatewayEntity>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      return this.placement.one(tx, ctx, await this.natGateways.get(tx, ctx.tenantId, id));
    });
  }

  list(ctx: OpContext, page: PageRequest, filter: NatGatewayFilter): Promise<Page<Placed<NatGatewayEntity>>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      return this.placement.page(tx, ctx, await this.natGateways.list(tx, ctx.tenantId, page, filter));
    });
  }
}
