import { Controller, Header } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { OpContext, VpnConnectionId } from '#kernel';
import { ChangeVpnConnectionService, type UpdateVpnConnection } from '../app/change-vpn-connection.service.js';
import { type CreateVpnConnection, CreateVpnConnectionService } from '../app/create-vpn-connection.service.js';
import {
  type ConfigurationFormat,
  DownloadVpnConfigurationService,
} from '../app/download-vpn-configuration.service.js';
import { VpnConnectionQueries } from '../app/vpn-connection.queries.js';
import type { VpnConnectionFilter } from '../infra/vpn-connection.repository.js';
import * as schemas from './vpn.schemas.js';
import { configurationView, vpnConnectionView } from './vpn.views.js';

@Controller('v1/vpn-connections')
export class VpnConnectionController {
  constructor(
    private readonly createConnection: CreateVpnConnectionService,
    private readonly changeConnection: ChangeVpnConnectionService,
    private readonly downloadConfiguration: DownloadVpnConfigurationService,
    private readonly queries: VpnConnectionQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Connect a VPC with a customer gateway',
    permission: 'network:write',
    body: schemas.createVpnConnectionSchema,
    reply: schemas.changedVpnConnectionSchema,
    view: vpnConnectionView,
  })
  create(@Op() op: OpContext, @BodyInput() input: CreateVpnConnection) {
    return this.createConnection.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List VPN connections',
    permission: 'network:read',
    query: schemas.vpnConnectionListQuery,
    reply: schemas.vpnConnectionPage,
    view: pageView(vpnConnectionView),
  })
  list(@Op() op: OpContext, @QueryInput() { limit, cursor, ...filter }: PageRequest & VpnConnectionFilter) {
    return this.queries.list(op, { limit, cursor }, filter);
  }

  @Endpoint({
    method: 'GET',
    path: ':vpnConnectionId',
    summary: 'Read a VPN connection',
    permission: 'network:read',
    params: schemas.vpnConnectionParams,
    reply: schemas.vpnConnectionSchema,
    view: vpnConnectionView,
  })
  get(@Op() op: OpContext, @PathInput() { vpnConnectionId }: { vpnConnectionId: VpnConnectionId }) {
    return this.queries.get(op, vpnConnectionId);
  }

  @Endpoint({
    method: 'PATCH',
    path: ':vpnConnectionId',
    summary: "Change a VPN connection's name, tags or remote prefixes",
    permission: 'network:write',
    params: schemas.vpnConnectionParams,
    body: schemas.updateVpnConnectionSchema,
    reply: schemas.changedVpnConnectionSchema,
    view: vpnConnectionView,
  })
  update(
    @Op() op: OpContext,
    @PathInput() { vpnConnectionId }: { vpnConnectionId: VpnConnectionId },
    @BodyInput() input: UpdateVpnConnection,
  ) {
    return this.changeConnection.update(op, vpnConnectionId, input);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':vpnConnectionId',
    summary: 'Delete a VPN connection',
    permission: 'network:write',
    params: schemas.vpnConnectionParams,
    reply: schemas.changedVpnConnectionSchema,
    view: vpnConnectionView,
  })
  delete(@Op() op: OpContext, @PathInput() { vpnConnectionId }: { vpnConnectionId: VpnConnectionId }) {
    return this.changeConnection.delete(op, vpnConnectionId);
  }

  // A POST although it reads: it writes a ledger entry, whose promise the reply carries, and shows a secret. A GET is safe by
  // definition (RFC 9110, 9.2.1): anything between may send it again, ahead of time or from a cache.
  @Endpoint({
    method: 'POST',
    path: ':vpnConnectionId/customer-configuration',
    summary: "Take the configuration of the customer's end, with the pre-shared key",
    description:
      'Each download is an entry in the ledger, without the key. A dry run shows no key; nor does a repeated request.',
    permission: 'network:write',
    params: schemas.vpnConnectionParams,
    query: schemas.configurationQuery,
    reply: schemas.configurationSchema,
    status: 200,
    view: configurationView,
    secretField: 'configuration',
  })
  @Header('cache-control', 'no-store')
  customerConfiguration(
    @Op() op: OpContext,
    @PathInput() { vpnConnectionId }: { vpnConnectionId: VpnConnectionId },
    @QueryInput() { format }: { format: ConfigurationFormat },
  ) {
    return this.downloadConfiguration.execute(op, vpnConnectionId, format);
  }
}
