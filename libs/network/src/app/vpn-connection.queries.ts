import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, UnitOfWork } from '#database';
import type { OpContext, VpnConnectionId } from '#kernel';
import { type VpnConnectionFilter, VpnConnectionRepository } from '../infra/vpn-connection.repository.js';
import { type PlacedVpnConnection, VpnConnectionPlacement } from './vpn-connection-placement.js';

@Injectable()
export class VpnConnectionQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly connections: VpnConnectionRepository,
    private readonly placement: VpnConnectionPlacement,
  ) {}

  get(ctx: OpContext, id: VpnConnectionId): Promise<PlacedVpnConnection> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      return this.placement.one(tx, ctx, await this.connections.get(tx, ctx.tenantId, id));
    });
  }

  list(ctx: OpContext, page: PageRequest, filter: VpnConnectionFilter): Promise<Page<PlacedVpnConnection>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      const { items, nextCursor } = await this.connections.list(tx, ctx.tenantId, page, filter);
      return { items: await this.placement.all(tx, ctx, items), nextCursor };
    });
  }
}
