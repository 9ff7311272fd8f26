import { Controller } from '@nestjs/common';
import { BodyInput, Endpoint, Op, PathInput, QueryInput } from '#http';
import type { OpContext, RouteTableId, VpnGatewayId } from '#kernel';
import { ChangeRoutesService, type WriteRoute } from '../app/change-routes.service.js';
import { PropagateRoutesService } from '../app/propagate-routes.service.js';
import * as schemas from './route-table.schemas.js';
import { routeTableView } from './route-table.view.js';

type TablePath = { routeTableId: RouteTableId };

/** What is in a route table: its static routes, and whether it takes those of a VPN gateway. Replies with the whole table. */
@Controller('v1/route-tables/:routeTableId')
export class RouteController {
  constructor(
    private readonly changeRoutes: ChangeRoutesService,
    private readonly propagateRoutes: PropagateRoutesService,
  ) {}

  @Endpoint({
    method: 'POST',
    path: 'routes',
    summary: 'Add a static route',
    permission: 'network:write',
    params: schemas.routeTableParams,
    body: schemas.writeRouteSchema,
    reply: schemas.changedRouteTableSchema,
    view: routeTableView,
  })
  add(@Op() op: OpContext, @PathInput() { routeTableId }: TablePath, @BodyInput() input: WriteRoute) {
    return this.changeRoutes.add(op, routeTableId, input);
  }

  @Endpoint({
    method: 'PUT',
    path: 'routes',
    summary: 'Point an existing route at another target',
    permission: 'network:write',
    params: schemas.routeTableParams,
    body: schemas.writeRouteSchema,
    reply: schemas.changedRouteTableSchema,
    view: routeTableView,
  })
  replace(@Op() op: OpContext, @PathInput() { routeTableId }: TablePath, @BodyInput() input: WriteRoute) {
    return this.changeRoutes.replace(op, routeTableId, input);
  }

  @Endpoint({
    method: 'DELETE',
    path: 'routes',
    summary: 'Delete a static route',
    permission: 'network:write',
    params: schemas.routeTableParams,
    query: schemas.removeRouteQuery,
    reply: schemas.changedRouteTableSchema,
    view: routeTableView,
  })
  remove(
    @Op() op: OpContext,
    @PathInput() { routeTableId }: TablePath,
    @QueryInput() { destinationCidrBlock }: { destinationCidrBlock: string },
  ) {
    return this.changeRoutes.remove(op, routeTableId, destinationCidrBlock);
  }

  @Endpoint({
    method: 'POST',
    path: 'propagations',
    summary: 'Take the routes that the VPN gateway has learnt',
    permission: 'network:write',
    params: schemas.routeTableParams,
    body: schemas.propagationSchema,
    reply: schemas.changedRouteTableSchema,
    view: routeTableView,
  })
  enablePropagation(
    @Op() op: OpContext,
    @PathInput() { routeTableId }: TablePath,
    @BodyInput() { vpnGatewayId }: { vpnGatewayId: VpnGatewayId },
  ) {
    return this.propagateRoutes.enable(op, routeTableId, vpnGatewayId);
  }

  @Endpoint({
    method: 'DELETE',
    path: 'propagations/:vpnGatewayId',
    summary: 'Take the routes of the VPN gateway no longer',
    permission: 'network:write',
    params: schemas.propagationParams,
    reply: schemas.changedRouteTableSchema,
    view: routeTableView,
  })
  disablePropagation(
    @Op() op: OpContext,
    @PathInput() { routeTableId, vpnGatewayId }: TablePath & { vpnGatewayId: VpnGatewayId },
  ) {
    return this.propagateRoutes.disable(op, routeTableId, vpnGatewayId);
  }
}
