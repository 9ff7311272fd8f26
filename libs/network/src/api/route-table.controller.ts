import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { OpContext, RouteTableId } from '#kernel';
import { ChangeRouteTableService, type UpdateRouteTable } from '../app/change-route-table.service.js';
import { type CreateRouteTable, CreateRouteTableService } from '../app/create-route-table.service.js';
import { EffectiveRoutesQuery } from '../app/effective-routes.query.js';
import { RouteTableQueries } from '../app/route-table.queries.js';
import type { RouteTableFilter } from '../infra/route-table.repository.js';
import * as schemas from './route-table.schemas.js';
import { effectiveRoutesView, routeTableSummaryView, routeTableView } from './route-table.view.js';

type TablePath = { routeTableId: RouteTableId };

@Controller('v1/route-tables')
export class RouteTableController {
  constructor(
    private readonly createTable: CreateRouteTableService,
    private readonly changeTable: ChangeRouteTableService,
    private readonly queries: RouteTableQueries,
    private readonly effective: EffectiveRoutesQuery,
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
    summary: 'Explain what the routes of a table amount to, and which one takes a packet',
    permission: 'network:read',
    params: schemas.routeTableParams,
    query: schemas.effectiveRoutesQuery,
    reply: schemas.effectiveRoutesSchema,
    view: effectiveRoutesView,
  })
  effectiveRoutes(
    @Op() op: OpContext,
    @PathInput() { routeTableId }: TablePath,
    @QueryInput() { address }: { address?: string },
  ) {
    return this.effective.execute(op, routeTableId, address);
  }
}
