import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { CustomerGatewayId, OpContext } from '#kernel';
import { ChangeCustomerGatewayService, type UpdateCustomerGateway } from '../app/change-customer-gateway.service.js';
import { type CreateCustomerGateway, CreateCustomerGatewayService } from '../app/create-customer-gateway.service.js';
import { CustomerGatewayQueries } from '../app/customer-gateway.queries.js';
import * as schemas from './vpn.schemas.js';
import { customerGatewayView } from './vpn.views.js';

@Controller('v1/customer-gateways')
export class CustomerGatewayController {
  constructor(
    private readonly createGateway: CreateCustomerGatewayService,
    private readonly changeGateway: ChangeCustomerGatewayService,
    private readonly queries: CustomerGatewayQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Create a customer gateway',
    permission: 'network:write',
    description: "The customer's end of VPN connections. Address, key and AS number never change.",
    body: schemas.createCustomerGatewaySchema,
    reply: schemas.changedCustomerGatewaySchema,
    view: customerGatewayView,
  })
  create(@Op() op: OpContext, @BodyInput() input: CreateCustomerGateway) {
    return this.createGateway.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List customer gateways',
    permission: 'network:read',
    query: schemas.customerGatewayListQuery,
    reply: schemas.customerGatewayPage,
    view: pageView(customerGatewayView),
  })
  list(@Op() op: OpContext, @QueryInput() { tag, ...page }: PageRequest & { tag: string[] }) {
    return this.queries.list(op, page, tag);
  }

  @Endpoint({
    method: 'GET',
    path: ':customerGatewayId',
    summary: 'Read a customer gateway',
    permission: 'network:read',
    params: schemas.customerGatewayParams,
    reply: schemas.customerGatewaySchema,
    view: customerGatewayView,
  })
  get(@Op() op: OpContext, @PathInput() { customerGatewayId }: { customerGatewayId: CustomerGatewayId }) {
    return this.queries.get(op, customerGatewayId);
  }

  @Endpoint({
    method: 'PATCH',
    path: ':customerGatewayId',
    summary: "Change a customer gateway's name or tags",
    permission: 'network:write',
    params: schemas.customerGatewayParams,
    body: schemas.updateCustomerGatewaySchema,
    reply: schemas.changedCustomerGatewaySchema,
    view: customerGatewayView,
  })
  update(
    @Op() op: OpContext,
    @PathInput() { customerGatewayId }: { customerGatewayId: CustomerGatewayId },
    @BodyInput() input: UpdateCustomerGateway,
  ) {
    return this.changeGateway.update(op, customerGatewayId, input);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':customerGatewayId',
    summary: 'Delete a customer gateway without connections',
    permission: 'network:write',
    params: schemas.customerGatewayParams,
    reply: schemas.changedCustomerGatewaySchema,
    view: customerGatewayView,
  })
  delete(@Op() op: OpContext, @PathInput() { customerGatewayId }: { customerGatewayId: CustomerGatewayId }) {
    return this.changeGateway.delete(op, customerGatewayId);
  }
}
