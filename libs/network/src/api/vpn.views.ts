import type { DownloadedConfiguration } from '../app/download-vpn-configuration.service.js';
import type { Placed } from '../app/placed.js';
import type { PlacedVpnConnection } from '../app/vpn-connection-placement.js';
import { formatEndpoint } from '../domain/gateway-host-endpoint.js';
import { tunnelEnds } from '../domain/vpn-connection.js';
import type { CustomerGatewayEntity } from '../infra/customer-gateway.entity.js';
import type { VpnGatewayEntity } from '../infra/vpn-gateway.entity.js';
import { placedView } from './placed.view.js';

export const vpnGatewayView = (placed: Placed<VpnGatewayEntity>) => ({
  id: placed.resource.id,
  name: placed.resource.name,
  vpcId: placed.resource.vpcId,
  attachment: attachmentOf(placed.resource),
  ...placedView(placed),
});

function attachmentOf({ vpcId, detaching }: VpnGatewayEntity): 'detached' | 'attached' | 'detaching' {
  if (vpcId === null) return 'detached';
  return detaching ? 'detaching' : 'attached';
}

export const customerGatewayView = (placed: Placed<CustomerGatewayEntity>) => ({
  id: placed.resource.id,
  name: placed.resource.name,
  address: placed.resource.address,
  wireguardPublicKey: placed.resource.wireguardPublicKey,
  asn: placed.resource.asn,
  ...placedView(placed),
});

export const vpnConnectionView = (placed: PlacedVpnConnection) => ({
  id: placed.resource.id,
  name: placed.resource.name,
  vpcId: placed.resource.vpcId,
  vpnGatewayId: placed.resource.vpnGatewayId,
  customerGatewayId: placed.resource.customerGatewayId,
  remotePrefixes: placed.remotePrefixes,
  tunnelBlock: placed.resource.tunnelBlock,
  ...tunnelEnds(placed.resource.tunnelBlock),
  gatewayEndpoint: formatEndpoint(placed.endpoint),
  gatewayPublicKey: placed.endpoint.publicKey,
  ...placedView(placed),
});

/** wg-quick(8) takes names of at most 15 characters, which become the interface's. */
export const configurationView = ({ connection, format, configuration }: DownloadedConfiguration) => ({
  vpnConnectionId: connection.id,
  format,
  fileName: `fh-${connection.id.slice(-12)}.conf`,
  configuration,
});
