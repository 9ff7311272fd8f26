import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { OpContext, VpcId, VpnGatewayId } from '#kernel';
import { AttachVpnGatewayService } from '../app/attach-vpn-gateway.service.js';
import { ChangeVpnGatewayService, type UpdateVpnGateway } from '../app/change-vpn-gateway.service.js';
import { type CreateVpnGateway, CreateVpnGatewayService } from '../app/create-vpn-gateway.service.js';
import { VpnGatewayQueries } from '../app/vpn-gateway.queries.js';
import type { VpnGatewayFilter } from '../infra/vpn-gateway.repository.js';
import * as schemas from './vpn.schemas.js';
import { vpnGatewayView } from './vpn.views.js';

@Controller('v1/vpn-gateways')
export class VpnGatewayController {
  constructor(
    private readonly createGateway: CreateVpnGatewayService,
    private readonly changeGateway: ChangeVpnGatewayService,
    private readonly attachGateway: AttachVpnGatewayService,
    private readonly queries: VpnGatewayQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Create a VPN gateway',
    permission: 'network:write',
    body: schemas.createVpnGatewaySchema,
    reply: schemas.changedVpnGatewaySchema,
    view: vpnGatewayView,
  })
  create(@Op() op: OpContext, @BodyInput() input: CreateVpnGateway) {
    return this.createGateway.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List VPN gateways',
    permission: 'network:read',
    query: schemas.vpnGatewayListQuery,
    reply: schemas.vpnGatewayPage,
    view: pageView(vpnGatewayView),
  })
  list(@Op() op: OpContext, @QueryInput() { limit, cursor, ...filter }: PageRequest & VpnGatewayFilter) {
    return this.queries.list(op, { limit, cursor }, filter);
  }

  @Endpoint({
    method: 'GET',
    path: ':vpnGatewayId',
    summary: 'Read a VPN gateway',
    permission: 'network:read',
    params: schemas.vpnGatewayParams,
    reply: schemas.vpnGatewaySchema,
    view: vpnGatewayView,
  })
  get(@Op() op: OpContext, @PathInput() { vpnGatewayId }: { vpnGatewayId: VpnGatewayId }) {
    return this.queries.get(op, vpnGatewayId);
  }

  @Endpoint({
    method: 'PATCH',
    path: ':vpnGatewayId',
    summary: "Change a VPN gateway's name or tags",
    permission: 'network:write',
    params: schemas.vpnGatewayParams,
    body: schemas.updateVpnGatewaySchema,
    reply: schemas.changedVpnGatewaySchema,
    view: vpnGatewayView,
  })
  update(
    @Op() op: OpContext,
    @PathInput() { vpnGatewayId }: { vpnGatewayId: VpnGatewayId },
    @BodyInput() input: UpdateVpnGateway,
  ) {
    return this.changeGateway.update(op, vpnGatewayId, input);
  }

  @Endpoint({
    method: 'POST',
    path: ':vpnGatewayId/attach',
    summary: 'Attach a VPN gateway to a VPC',
    permission: 'network:write',
    params: schemas.vpnGatewayParams,
    body: schemas.attachmentSchema,
    reply: schemas.changedVpnGatewaySchema,
    status: 200,
    view: vpnGatewayView,
  })
  attach(
    @Op() op: OpContext,
    @PathInput() { vpnGatewayId }: { vpnGatewayId: VpnGatewayId },
    @BodyInput() { vpcId }: { vpcId: VpcId },
  ) {
    return this.attachGateway.attach(op, vpnGatewayId, vpcId);
  }

  @Endpoint({
    method: 'POST',
    path: ':vpnGatewayId/detach',
    summary: 'Detach a VPN gateway without connections from its VPC',
    permission: 'network:write',
    params: schemas.vpnGatewayParams,
    body: schemas.attachmentSchema,
    reply: schemas.changedVpnGatewaySchema,
    status: 200,
    view: vpnGatewayView,
  })
  detach(
    @Op() op: OpContext,
    @PathInput() { vpnGatewayId }: { vpnGatewayId: VpnGatewayId },
    @BodyInput() { vpcId }: { vpcId: VpcId },
  ) {
    return this.attachGateway.detach(op, vpnGatewayId, vpcId);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':vpnGatewayId',
    summary: 'Delete a VPN gateway that is in no VPC',
    permission: 'network:write',
    params: schemas.vpnGatewayParams,
    reply: schemas.changedVpnGatewaySchema,
    view: vpnGatewayView,
  })
  delete(@Op() op: OpContext, @PathInput() { vpnGatewayId }: { vpnGatewayId: VpnGatewayId }) {
    return this.changeGateway.delete(op, vpnGatewayId);
  }
}
