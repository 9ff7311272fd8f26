import type { GatewayHostInUse } from '../app/register-gateway-host.service.js';
import { formatEndpoint } from '../domain/gateway-host-endpoint.js';

export const gatewayHostView = ({ host, connections }: GatewayHostInUse) => ({
  id: host.id,
  name: host.name,
  wireguardPublicKey: host.wireguardPublicKey,
  endpoint: formatEndpoint({ host: host.endpointHost, port: host.firstPort }),
  connections,
  version: host.version,
  createdAt: host.createdAt.toISOString(),
});
