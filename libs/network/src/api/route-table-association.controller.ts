import { Controller } from '@nestjs/common';
import { BodyInput, Endpoint, Op, PathInput } from '#http';
import type { OpContext, RouteTableAssociationId, RouteTableId, SubnetId } from '#kernel';
import { AssociateRouteTableService } from '../app/associate-route-table.service.js';
import { RouteTableAssociationQuery } from '../app/route-table-association.query.js';
import * as schemas from './route-table.schemas.js';
import { associationView } from './route-table.view.js';

type AssociationPath = { associationId: RouteTableAssociationId };

@Controller('v1')
export class RouteTableAssociationController {
  constructor(
    private readonly associate: AssociateRouteTableService,
    private readonly query: RouteTableAssociationQuery,
  ) {}

  @Endpoint({
    method: 'POST',
    path: 'route-tables/:routeTableId/associations',
    summary: 'Let a table route a subnet',
    permission: 'network:write',
    params: schemas.routeTableParams,
    body: schemas.associateSchema,
    reply: schemas.changedAssociationSchema,
    view: associationView,
  })
  create(
    @Op() op: OpContext,
    @PathInput() { routeTableId }: { routeTableId: RouteTableId },
    @BodyInput() input: { subnetId: SubnetId },
  ) {
    return this.associate.associate(op, routeTableId, input);
  }

  @Endpoint({
    method: 'GET',
    path: 'route-table-associations/:associationId',
    summary: 'Read an association',
    permission: 'network:read',
    params: schemas.associationParams,
    reply: schemas.associationSchema,
    view: associationView,
  })
  get(@Op() op: OpContext, @PathInput() { associationId }: AssociationPath) {
    return this.query.get(op, associationId);
  }

  @Endpoint({
    method: 'PUT',
    path: 'route-table-associations/:associationId',
    summary: 'Move a subnet to another table',
    permission: 'network:write',
    params: schemas.associationParams,
    body: schemas.replaceAssociationSchema,
    reply: schemas.changedAssociationSchema,
    view: associationView,
  })
  replace(
    @Op() op: OpContext,
    @PathInput() { associationId }: AssociationPath,
    @BodyInput() input: { routeTableId: RouteTableId },
  ) {
    return this.associate.replace(op, associationId, input);
  }

  @Endpoint({
    method: 'DELETE',
    path: 'route-table-associations/:associationId',
    summary: 'Let the main table route the subnet again',
    permission: 'network:write',
    params: schemas.associationParams,
    reply: schemas.changedAssociationSchema,
    view: associationView,
  })
  delete(@Op() op: OpContext, @PathInput() { associationId }: AssociationPath) {
    return this.associate.disassociate(op, associationId);
  }
}
