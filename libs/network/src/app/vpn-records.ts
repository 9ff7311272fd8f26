import type { JsonValue } from '#kernel';
import type { Tags } from '#tenancy';
import { formatEndpoint } from '../domain/gateway-host-endpoint.js';
import type { CustomerGatewayEntity } from '../infra/customer-gateway.entity.js';
import type { GatewayHostEntity } from '../infra/gateway-host.entity.js';
import type { VpnEndpoint } from '../infra/vpn-endpoint.repository.js';
import type { VpnGatewayEntity } from '../infra/vpn-gateway.entity.js';
import type { PlacedVpnConnection } from './vpn-connection-placement.js';

/** What the ledger says of the resources of VPN: their intended state, as an auditor replays it. Never a secret. */

export function vpnGatewayRecord(gateway: VpnGatewayEntity, tags: Tags): JsonValue {
  return { name: gateway.name, vpcId: gateway.detaching ? null : gateway.vpcId, tags };
}

export function customerGatewayRecord(gateway: CustomerGatewayEntity, tags: Tags): JsonValue {
  return {
    name: gateway.name,
    address: gateway.address,
    wireguardPublicKey: gateway.wireguardPublicKey,
    asn: gateway.asn,
    tags,
  };
}

/** The end on the operator's side is the operator's to move: an entry of its own says so, to the tenant as well. */
export function vpnConnectionRecord({
  resource,
  remotePrefixes,
  endpoint,
  tags,
}: Pick<PlacedVpnConnection, 'resource' | 'remotePrefixes' | 'tags'> & { endpoint: VpnEndpoint | null }): JsonValue {
  return {
    name: resource.name,
    vpnGatewayId: resource.vpnGatewayId,
    customerGatewayId: resource.customerGatewayId,
    ...endpointRecord(endpoint),
    tunnelBlock: resource.tunnelBlock,
    remotePrefixes: [...remotePrefixes],
    tags,
  };
}

export function endpointRecord(endpoint: VpnEndpoint | null): { gatewayEndpoint: string | null } {
  return { gatewayEndpoint: endpoint && formatEndpoint(endpoint) };
}

export function gatewayHostRecord(host: GatewayHostEntity): JsonValue {
  return {
    name: host.name,
    wireguardPublicKey: host.wireguardPublicKey,
    endpoint: formatEndpoint({ host: host.endpointHost, port: host.firstPort }),
  };
}
