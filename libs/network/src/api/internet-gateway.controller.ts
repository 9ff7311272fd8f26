import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { InternetGatewayId, OpContext, VpcId } from '#kernel';
import { AttachInternetGatewayService } from '../app/attach-internet-gateway.service.js';
import { ChangeInternetGatewayService, type UpdateInternetGateway } from '../app/change-internet-gateway.service.js';
import { type CreateInternetGateway, CreateInternetGatewayService } from '../app/create-internet-gateway.service.js';
import { InternetGatewayQueries } from '../app/internet-gateway.queries.js';
import type { InternetGatewayFilter } from '../infra/internet-gateway.repository.js';
import * as schemas from './internet-gateway.schemas.js';
import { internetGatewayView } from './internet-gateway.view.js';

type GatewayPath = { internetGatewayId: InternetGatewayId };

@Controller('v1/internet-gateways')
export class InternetGatewayController {
  constructor(
    private readonly createGateway: CreateInternetGatewayService,
    private readonly changeGateway: ChangeInternetGatewayService,
    private readonly attachGateway: AttachInternetGatewayService,
    private readonly queries: InternetGatewayQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Create an internet gateway',
    permission: 'network:write',
    body: schemas.createInternetGatewaySchema,
    reply: schemas.changedInternetGatewaySchema,
    view: internetGatewayView,
  })
  create(@Op() op: OpContext, @BodyInput() input: CreateInternetGateway) {
    return this.createGateway.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List internet gateways',
    permission: 'network:read',
    query: schemas.internetGatewayListQuery,
    reply: schemas.internetGatewayPage,
    view: pageView(internetGatewayView),
  })
  list(@Op() op: OpContext, @QueryInput() { limit, cursor, ...filter }: PageRequest & InternetGatewayFilter) {
    return this.queries.list(op, { limit, cursor }, filter);
  }

  @Endpoint({
    method: 'GET',
    path: ':internetGatewayId',
    summary: 'Read an internet gateway',
    permission: 'network:read',
    params: schemas.internetGatewayParams,
    reply: schemas.internetGatewaySchema,
    view: internetGatewayView,
  })
  get(@Op() op: OpContext, @PathInput() { internetGatewayId }: GatewayPath) {
    return this.queries.get(op, internetGatewayId);
  }

  @Endpoint({
    method: 'PATCH',
    path: ':internetGatewayId',
    summary: "Change an internet gateway's name or tags",
    permission: 'network:write',
    params: schemas.internetGatewayParams,
    body: schemas.updateInternetGatewaySchema,
    reply: schemas.changedInternetGatewaySchema,
    view: internetGatewayView,
  })
  update(
    @Op() op: OpContext,
    @PathInput() { internetGatewayId }: GatewayPath,
    @BodyInput() input: UpdateInternetGateway,
  ) {
    return this.changeGateway.update(op, internetGatewayId, input);
  }

  @Endpoint({
    method: 'POST',
    path: ':internetGatewayId/attach',
    summary: 'Attach an internet gateway to a VPC',
    permission: 'network:write',
    params: schemas.internetGatewayParams,
    body: schemas.attachmentSchema,
    reply: schemas.changedInternetGatewaySchema,
    status: 200,
    view: internetGatewayView,
  })
  attach(@Op() op: OpContext, @PathInput() { internetGatewayId }: GatewayPath, @BodyInput() input: { vpcId: VpcId }) {
    return this.attachGateway.attach(op, internetGatewayId, input);
  }

  @Endpoint({
    method: 'POST',
    path: ':internetGatewayId/detach',
    summary: 'Detach an internet gateway that no NAT gateway needs; routes to it become blackholes',
    permission: 'network:write',
    params: schemas.internetGatewayParams,
    body: schemas.attachmentSchema,
    reply: schemas.changedInternetGatewaySchema,
    status: 200,
    view: internetGatewayView,
  })
  detach(@Op() op: OpContext, @PathInput() { internetGatewayId }: GatewayPath, @BodyInput() input: { vpcId: VpcId }) {
    return this.attachGateway.detach(op, internetGatewayId, input);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':internetGatewayId',
    summary: 'Delete an internet gateway that is not attached',
    permission: 'network:write',
    params: schemas.internetGatewayParams,
    reply: schemas.changedInternetGatewaySchema,
    view: internetGatewayView,
  })
  delete(@Op() op: OpContext, @PathInput() { internetGatewayId }: GatewayPath) {
    return this.changeGateway.delete(op, internetGatewayId);
  }
}
