import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import type { OpContext, RouteTableId } from '#kernel';
import { type EffectiveRouteView, effectiveRouteViews, type RouteChoiceView, routeChoiceView } from '#topology';
import { RouteTableRepository } from '../infra/route-table.repository.js';
import { RouteTableDetails } from './route-table-details.js';

export interface EffectiveRoutes {
  routeTableId: RouteTableId;
  routes: EffectiveRouteView[];
  /** What becomes of a packet to `address`, when one was named. */
  choice: RouteChoiceView | null;
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
      const routes = await this.details.routes(tx, ctx, table);
      return {
        routeTableId: id,
        routes: effectiveRouteViews(routes),
        choice: address === undefined ? null : routeChoiceView(routes, address),
      };
    });
  }
}
