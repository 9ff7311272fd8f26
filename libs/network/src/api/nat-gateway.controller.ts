import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { NatGatewayId, OpContext } from '#kernel';
import { ChangeNatGatewayService, type UpdateNatGateway } from '../app/change-nat-gateway.service.js';
import { type CreateNatGateway, CreateNatGatewayService } from '../app/create-nat-gateway.service.js';
import { NatGatewayQueries } from '../app/nat-gateway.queries.js';
import type { NatGatewayFilter } from '../infra/nat-gateway.repository.js';
import * as schemas from './nat-gateway.schemas.js';
import { natGatewayView } from './nat-gateway.view.js';

type GatewayPath = { natGatewayId: NatGatewayId };

@Controller('v1/nat-gateways')
export class NatGatewayController {
  constructor(
    private readonly createGateway: CreateNatGatewayService,
    private readonly changeGateway: ChangeNatGatewayService,
    private readonly queries: NatGatewayQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Create a NAT gateway in a subnet',
    permission: 'network:write',
    body: schemas.createNatGatewaySchema,
    reply: schemas.changedNatGatewaySchema,
    view: natGatewayView,
  })
  create(@Op() op: OpContext, @BodyInput() input: CreateNatGateway) {
    return this.createGateway.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List NAT gateways',
    permission: 'network:read',
    query: schemas.natGatewayListQuery,
    reply: schemas.natGatewayPage,
    view: pageView(natGatewayView),
  })
  list(@Op() op: OpContext, @QueryInput() { limit, cursor, ...filter }: PageRequest & NatGatewayFilter) {
    return this.queries.list(op, { limit, cursor }, filter);
  }

  @Endpoint({
    method: 'GET',
    path: ':natGatewayId',
    summary: 'Read a NAT gateway',
    permission: 'network:read',
    params: schemas.natGatewayParams,
    reply: schemas.natGatewaySchema,
    view: natGatewayView,
  })
  get(@Op() op: OpContext, @PathInput() { natGatewayId }: GatewayPath) {
    return this.queries.get(op, natGatewayId);
  }

  @Endpoint({
    method: 'PATCH',
    path: ':natGatewayId',
    summary: "Change a NAT gateway's name or tags",
    permission: 'network:write',
    params: schemas.natGatewayParams,
    body: schemas.updateNatGatewaySchema,
    reply: schemas.changedNatGatewaySchema,
    view: natGatewayView,
  })
  update(@Op() op: OpContext, @PathInput() { natGatewayId }: GatewayPath, @BodyInput() input: UpdateNatGateway) {
    return this.changeGateway.update(op, natGatewayId, input);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':natGatewayId',
    summary: 'Delete a NAT gateway; routes to it become blackholes',
    permission: 'network:write',
    params: schemas.natGatewayParams,
    reply: schemas.changedNatGatewaySchema,
    view: natGatewayView,
  })
  delete(@Op() op: OpContext, @PathInput() { natGatewayId }: GatewayPath) {
    return this.changeGateway.delete(op, natGatewayId);
  }
}
