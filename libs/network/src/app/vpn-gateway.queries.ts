import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, UnitOfWork } from '#database';
import type { OpContext, VpnGatewayId } from '#kernel';
import type { VpnGatewayEntity } from '../infra/vpn-gateway.entity.js';
import { type VpnGatewayFilter, VpnGatewayRepository } from '../infra/vpn-gateway.repository.js';
import type { Placed } from './placed.js';
import { Placement } from './placement.js';

@Injectable()
export class VpnGatewayQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly gateways: VpnGatewayRepository,
    private readonly placement: Placement,
  ) {}

  get(ctx: OpContext, id: VpnGatewayId): Promise<Placed<VpnGatewayEntity>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      return this.placement.one(tx, ctx, await this.gateways.get(tx, ctx.tenantId, id));
    });
  }

  list(ctx: OpContext, page: PageRequest, filter: VpnGatewayFilter): Promise<Page<Placed<VpnGatewayEntity>>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      return this.placement.page(tx, ctx, await this.gateways.list(tx, ctx.tenantId, page, filter));
    });
  }
}
