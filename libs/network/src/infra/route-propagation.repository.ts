import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { RouteTableId, TenantId, VpcId, VpnGatewayId } from '#kernel';

/** Which route tables take what a VPN gateway has learnt. */
@Injectable()
export class RoutePropagationRepository {
  /** Returns whether it is new. */
  async enable(
    tx: Tx,
    table: { tenantId: TenantId; vpcId: VpcId; id: RouteTableId },
    vpnGatewayId: VpnGatewayId,
  ): Promise<boolean> {
    const inserted = await tx.execute(
      `INSERT INTO route_propagation (tenant_id, vpc_id, route_table_id, vpn_gateway_id) VALUES ($1, $2, $3, $4)
       ON CONFLICT DO NOTHING`,
      [table.tenantId, table.vpcId, table.id, vpnGatewayId],
    );
    return inserted > 0;
  }

  /** Returns whether it was there. */
  async disable(tx: Tx, table: { tenantId: TenantId; id: RouteTableId }, vpnGatewayId: VpnGatewayId): Promise<boolean> {
    const deleted = await tx.execute(
      'DELETE FROM route_propagation WHERE tenant_id = $1 AND route_table_id = $2 AND vpn_gateway_id = $3',
      [table.tenantId, table.id, vpnGatewayId],
    );
    return deleted > 0;
  }

  async ofTables(
    tx: Tx,
    tenantId: TenantId,
    tableIds: readonly RouteTableId[],
  ): Promise<Map<RouteTableId, VpnGatewayId[]>> {
    const found = new Map<RouteTableId, VpnGatewayId[]>(tableIds.map((id) => [id, []]));
    if (tableIds.length === 0) return found;
    const rows = await tx.query<{ route_table_id: RouteTableId; vpn_gateway_id: VpnGatewayId }>(
      `SELECT route_table_id, vpn_gateway_id FROM route_propagation
        WHERE tenant_id = $1 AND route_table_id = ANY ($2) ORDER BY vpn_gateway_id`,
      [tenantId, [...tableIds]],
    );
    for (const row of rows) found.get(row.route_table_id)?.push(row.vpn_gateway_id);
    return found;
  }
}
