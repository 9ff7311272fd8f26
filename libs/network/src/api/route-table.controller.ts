import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { OpContext, RouteTableId } from '#kernel';
import type { StateDocument } from '#topology';
import { ChangeRouteTableService, type UpdateRouteTable } from '../app/change-route-table.service.js';
import { type CreateRouteTable, CreateRouteTableService } from '../app/create-route-table.service.js';
import { type EffectiveRoutes, EffectiveRoutesQuery } from '../app/effective-routes.query.js';
import { RouteTableQueries } from '../app/route-table.queries.js';
import { VpcHistoryQuery } from '../app/vpc-history.query.js';
import type { RouteTableFilter } from '../infra/route-table.repository.js';
import * as schemas from './route-table.schemas.js';
import { routeTableSummaryView, routeTableView } from './route-table.view.js';
import type { HistoryInput } from './vpc-history.schemas.js';
import { stateView } from './vpc-history.view.js';

type TablePath = { routeTableId: RouteTableId };

@Controller('v1/route-tables')
export class RouteTableController {
  constructor(
    private readonly createTable: CreateRouteTableService,
    private readonly changeTable: ChangeRouteTableService,
    private readonly queries: RouteTableQueries,
    private readonly effective: EffectiveRoutesQuery,
    private readonly history: VpcHistoryQuery,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Create a route table in a VPC',
    permission: 'network:write',
    body: schemas.createRouteTableSchema,
    reply: schemas.changedRouteTableSchema,
    view: routeTableView,
  })
  create(@Op() op: OpContext, @BodyInput() input: CreateRouteTable) {
    return this.createTable.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List route tables, without their routes',
    permission: 'network:read',
    query: schemas.routeTableListQuery,
    reply: schemas.routeTablePage,
    view: pageView(routeTableSummaryView),
  })
  list(@Op() op: OpContext, @QueryInput() { limit, cursor, ...filter }: PageRequest & RouteTableFilter) {
    return this.queries.list(op, { limit, cursor }, filter);
  }

  @Endpoint({
    method: 'GET',
    path: ':routeTableId',
    summary: 'Read a route table with its routes',
    permission: 'network:read',
    params: schemas.routeTableParams,
    reply: schemas.routeTableSchema,
    view: routeTableView,
  })
  get(@Op() op: OpContext, @PathInput() { routeTableId }: TablePath) {
    return this.queries.get(op, routeTableId);
  }

  @Endpoint({
    method: 'PATCH',
    path: ':routeTableId',
    summary: "Change a route table's name or tags",
    permission: 'network:write',
    params: schemas.routeTableParams,
    body: schemas.updateRouteTableSchema,
    reply: schemas.changedRouteTableSchema,
    view: routeTableView,
  })
  update(@Op() op: OpContext, @PathInput() { routeTableId }: TablePath, @BodyInput() input: UpdateRouteTable) {
    return this.changeTable.update(op, routeTableId, input);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':routeTableId',
    summary: 'Delete a route table that no subnet uses and that is not the main one',
    permission: 'network:write',
    params: schemas.routeTableParams,
    reply: schemas.changedRouteTableSchema,
    view: routeTableView,
  })
  delete(@Op() op: OpContext, @PathInput() { routeTableId }: TablePath) {
    return this.changeTable.delete(op, routeTableId);
  }

  @Endpoint({
    method: 'GET',
    path: ':routeTableId/effective-routes',
    summary: 'Explain what the routes of a table amount to, and which one takes a packet; now or as of then',
    description: 'As of then: from the ledger entries of the VPC, also when the table is gone (docs/time-machine.md).',
    permission: 'network:read',
    params: schemas.routeTableParams,
    query: schemas.effectiveRoutesQuery,
    reply: schemas.effectiveRoutesSchema,
    view: (routes: EffectiveRoutes | StateDocument) => ('claims' in routes ? stateView(routes) : routes),
  })
  effectiveRoutes(
    @Op() op: OpContext,
    @PathInput() { routeTableId }: TablePath,
    @QueryInput() { address, asOf, receipts }: HistoryInput & { address?: string },
  ): Promise<EffectiveRoutes | StateDocument> {
    if (!asOf) return this.effective.execute(op, routeTableId, address);
    return this.history.effectiveRoutes(op, routeTableId, address ?? null, { asOf, receipts });
  }
}
