import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { GatewayHostId, VpcId, VpnConnectionId } from '#kernel';
import type { GatewayHostEndpoint } from '../domain/gateway-host-endpoint.js';
import { NoGatewayHostError } from '../domain/vpn.errors.js';

/** The operator's end of a tunnel, as its customer is told. */
export interface VpnEndpoint extends GatewayHostEndpoint {
  publicKey: string;
  /** The VPC at the tenant's end. */
  vpcId: VpcId;
}

/** Where tunnels end. Hosts are the operator's: a tenant reaches them through named functions alone. */
@Injectable()
export class VpnEndpointRepository {
  /**
   * Puts a new connection on the host with the fewest, at a port of its own. Callers wait for each other until they commit,
   * so this comes last.
   * @throws NoGatewayHostError
   */
  async assign(tx: Tx, id: VpnConnectionId): Promise<{ gatewayHostId: GatewayHostId; listenPort: number }> {
    const [row] = await tx.query<{ gatewayHostId: GatewayHostId | null; listenPort: number | null; hosts: string }>(
      `SELECT gateway_host_id AS "gatewayHostId", listen_port AS "listenPort", hosts FROM crosstenant.assign_gateway_host($1)`,
      [id],
    );
    if (!row?.gatewayHostId || !row.listenPort) throw new NoGatewayHostError(Number(row?.hosts ?? 0));
    return { gatewayHostId: row.gatewayHostId, listenPort: row.listenPort };
  }

  /** The ends of several connections of the calling tenant. */
  async of(tx: Tx, ids: readonly VpnConnectionId[]): Promise<Map<VpnConnectionId, VpnEndpoint>> {
    const rows = await tx.query<VpnEndpoint & { id: VpnConnectionId }>(
      `SELECT e.vpn_connection_id AS id, e.wireguard_public_key AS "publicKey", e.endpoint_host AS host,
              e.listen_port AS port, c.vpc_id AS "vpcId"
         FROM crosstenant.vpn_endpoints_of($1) e JOIN vpn_connection c ON c.id = e.vpn_connection_id`,
      [[...ids]],
    );
    return new Map(rows.map(({ id, ...endpoint }) => [id, endpoint]));
  }
}
