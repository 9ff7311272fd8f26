import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, UnitOfWork } from '#database';
import type { OpContext, RouteTableId } from '#kernel';
import { type RouteTableFilter, RouteTableRepository } from '../infra/route-table.repository.js';
import { type DetailedRouteTable, type PlacedRouteTable, RouteTableDetails } from './route-table-details.js';

@Injectable()
export class RouteTableQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly routeTables: RouteTableRepository,
    private readonly details: RouteTableDetails,
  ) {}

  get(ctx: OpContext, id: RouteTableId): Promise<DetailedRouteTable> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      return this.details.one(tx, ctx, await this.routeTables.get(tx, ctx.tenantId, id));
    });
  }

  /** Without routes: a page of tables could have half a million. */
  list(ctx: OpContext, page: PageRequest, filter: RouteTableFilter): Promise<Page<PlacedRouteTable>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      const { items, nextCursor } = await this.routeTables.list(tx, ctx.tenantId, page, filter);
      return { items: await this.details.all(tx, ctx, items), nextCursor };
    });
  }
}
