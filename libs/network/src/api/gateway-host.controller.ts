import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { GatewayHostId, OpContext } from '#kernel';
import { ChangeGatewayHostService } from '../app/change-gateway-host.service.js';
import { GatewayHostQueries } from '../app/gateway-host.queries.js';
import { type GatewayHostDescription, RegisterGatewayHostService } from '../app/register-gateway-host.service.js';
import * as schemas from './gateway-host.schemas.js';
import { gatewayHostView } from './gateway-host.view.js';

/** The operator's hosts on which VPN tunnels end. */
@Controller('v1/system/gateway-hosts')
export class GatewayHostController {
  constructor(
    private readonly registerHost: RegisterGatewayHostService,
    private readonly changeHost: ChangeGatewayHostService,
    private readonly queries: GatewayHostQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Register a gateway host',
    permission: 'system:gateway-host:write',
    body: schemas.gatewayHostDescriptionSchema,
    reply: schemas.changedGatewayHostSchema,
    view: gatewayHostView,
  })
  register(@Op() op: OpContext, @BodyInput() input: GatewayHostDescription) {
    return this.registerHost.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List gateway hosts',
    permission: 'system:gateway-host:read',
    query: schemas.gatewayHostListQuery,
    reply: schemas.gatewayHostPage,
    view: pageView(gatewayHostView),
  })
  list(@Op() op: OpContext, @QueryInput() page: PageRequest) {
    return this.queries.list(op, page);
  }

  @Endpoint({
    method: 'GET',
    path: ':gatewayHostId',
    summary: 'Read a gateway host',
    permission: 'system:gateway-host:read',
    params: schemas.gatewayHostParams,
    reply: schemas.gatewayHostSchema,
    view: gatewayHostView,
  })
  get(@Op() op: OpContext, @PathInput() { gatewayHostId }: { gatewayHostId: GatewayHostId }) {
    return this.queries.get(op, gatewayHostId);
  }

  @Endpoint({
    method: 'PUT',
    path: ':gatewayHostId',
    summary: 'Replace the description of a gateway host: rotate its key, move it',
    permission: 'system:gateway-host:write',
    description: 'Customers on this host need the new configuration. The port stays while connections use it.',
    params: schemas.gatewayHostParams,
    body: schemas.gatewayHostDescriptionSchema,
    reply: schemas.changedGatewayHostSchema,
    view: gatewayHostView,
  })
  replace(
    @Op() op: OpContext,
    @PathInput() { gatewayHostId }: { gatewayHostId: GatewayHostId },
    @BodyInput() input: GatewayHostDescription,
  ) {
    return this.changeHost.replace(op, gatewayHostId, input);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':gatewayHostId',
    summary: 'Delete a gateway host on which no connection ends',
    permission: 'system:gateway-host:write',
    params: schemas.gatewayHostParams,
    reply: schemas.changedGatewayHostSchema,
    view: gatewayHostView,
  })
  delete(@Op() op: OpContext, @PathInput() { gatewayHostId }: { gatewayHostId: GatewayHostId }) {
    return this.changeHost.delete(op, gatewayHostId);
  }
}
