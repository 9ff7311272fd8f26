import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { TenantId, VpcId, VpnGatewayId } from '#kernel';
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

  /** What lies behind the gateways of a VPC: no block of the VPC may overlap it. */
  async destinationsOf(tx: Tx, tenantId: TenantId, vpcId: VpcId): Promise<string[]> {
    const rows = await tx.query<{ destination: string }>(
      `SELECT p.destination::text AS destination FROM vpn_connection_prefix p
         JOIN vpn_connection c ON c.tenant_id = p.tenant_id AND c.id = p.vpn_connection_id
        WHERE c.tenant_id = $1 AND c.vpc_id = $2 ORDER BY p.destination`,
      [tenantId, vpcId],
    );
    return rows.map(({ destination }) => destination);
  }
}
