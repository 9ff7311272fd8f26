import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { TenantId, VpnGatewayId } from '#kernel';
import type { VpnRoute } from '../domain/vpn-connection.js';

/** What lies behind a VPN gateway: the routes that it propagates. Connections that are being deleted have none. */
@Injectable()
export class VpnRoutes {
  /** In the order of the addresses; each destination once. */
  ofGateway(tx: Tx, tenantId: TenantId, vpnGatewayId: VpnGatewayId): Promise<VpnRoute[]> {
    return tx.query<VpnRoute>(
      `SELECT destination::text AS destination, vpn_connection_id AS "vpnConnectionId"
         FROM vpn_connection_prefix WHERE tenant_id = $1 AND vpn_gateway_id = $2 ORDER BY vpn_connection_prefix.destination`,
      [tenantId, vpnGatewayId],
    );
  }
}
