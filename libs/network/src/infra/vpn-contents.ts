import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { Blocker, CustomerGatewayId, TenantId, VpnGatewayId } from '#kernel';

/** What uses gateways of VPN, in the order in which it can be removed. What is being deleted already does not count. */
@Injectable()
export class VpnContents {
  /** Keeps a VPN gateway from being detached. */
  async ofVpnGateway(tx: Tx, tenantId: TenantId, id: VpnGatewayId): Promise<Blocker[]> {
    const propagations = await tx.query<{ routeTableId: string }>(
      `SELECT p.route_table_id AS "routeTableId" FROM route_propagation p
         JOIN route_table t ON t.tenant_id = p.tenant_id AND t.id = p.route_table_id AND NOT t.deleting
        WHERE p.tenant_id = $1 AND p.vpn_gateway_id = $2 ORDER BY p.route_table_id`,
      [tenantId, id],
    );
    return [
      ...(await this.connections(tx, 'vpn_gateway_id', tenantId, id)),
      ...propagations.map(({ routeTableId }) => ({
        id: routeTableId,
        kind: 'route-propagation',
        fix: `DELETE /v1/route-tables/${routeTableId}/propagations/${id}`,
      })),
    ];
  }

  ofCustomerGateway(tx: Tx, tenantId: TenantId, id: CustomerGatewayId): Promise<Blocker[]> {
    return this.connections(tx, 'customer_gateway_id', tenantId, id);
  }

  private async connections(
    tx: Tx,
    column: 'vpn_gateway_id' | 'customer_gateway_id',
    tenantId: TenantId,
    id: string,
  ): Promise<Blocker[]> {
    const rows = await tx.query<{ id: string }>(
      `SELECT id FROM vpn_connection WHERE tenant_id = $1 AND ${column} = $2 AND NOT deleting ORDER BY id`,
      [tenantId, id],
    );
    return rows.map((row) => ({ id: row.id, kind: 'vpn-connection', fix: `DELETE /v1/vpn-connections/${row.id}` }));
  }
}
