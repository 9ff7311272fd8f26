import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { type EffectiveRoute, effectiveRoutes, parseAddress, type RouteChoice, selectRoute } from '#ip';
import type { OpContext, RouteTableId } from '#kernel';
import { type SelectableRoute, selectable } from '#topology';
import { RouteTableRepository } from '../infra/route-table.repository.js';
import { RouteTableDetails } from './route-table-details.js';

export interface EffectiveRoutes {
  routeTableId: RouteTableId;
  routes: EffectiveRoute<SelectableRoute>[];
  /** What becomes of a packet to `address`, when one was named. */
  choice: (RouteChoice<SelectableRoute> & { address: string }) | null;
}

/** What the routes of a table amount to, and which of them takes a packet. */
@Injectable()
export class EffectiveRoutesQuery {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly routeTables: RouteTableRepository,
    private readonly details: RouteTableDetails,
  ) {}

  /** @param address canonical text of one address */
  execute(ctx: OpContext, id: RouteTableId, address?: string): Promise<EffectiveRoutes> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      const table = await this.routeTables.get(tx, ctx.tenantId, id);
      const routes = (await this.details.routes(tx, ctx, table)).map(selectable);
      const choice = address === undefined ? null : { address, ...selectRoute(routes, parseAddress(address)) };
      return { routeTableId: id, routes: effectiveRoutes(routes), choice };
    });
  }
}
