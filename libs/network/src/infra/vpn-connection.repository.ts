import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Tx, translating } from '#database';
import {
  type CustomerGatewayId,
  NotFoundError,
  type TenantId,
  type VpcId,
  type VpnConnectionId,
  type VpnGatewayId,
} from '#kernel';
import { havingTags } from '#tenancy';
import { RemotePrefixTakenError, TunnelBlockTakenError } from '../domain/vpn.errors.js';
import { VpnConnectionEntity } from './vpn-connection.entity.js';

export interface VpnConnectionFilter {
  vpcId?: VpcId;
  vpnGatewayId?: VpnGatewayId;
  customerGatewayId?: CustomerGatewayId;
  tag: readonly string[];
}

@Injectable()
export class VpnConnectionRepository {
  /** @throws TunnelBlockTakenError: the database refuses overlap, whoever else inserts at the same time. */
  async insert(tx: Tx, connection: VpnConnectionEntity, sealedPresharedKey: Uint8Array): Promise<void> {
    await translating(
      { vpn_connection_tunnel_no_overlap: () => new TunnelBlockTakenError(connection.tunnelBlock) },
      () =>
        tx.execute(
          `INSERT INTO vpn_connection (tenant_id, id, vpc_id, vpn_gateway_id, customer_gateway_id, name, tunnel_block,
                                       sealed_preshared_key, changed_generation, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
          [
            connection.tenantId,
            connection.id,
            connection.vpcId,
            connection.vpnGatewayId,
            connection.customerGatewayId,
            connection.name,
            connection.tunnelBlock,
            Buffer.from(sealedPresharedKey),
            connection.changedGeneration,
            connection.createdAt,
          ],
        ),
    );
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: VpnConnectionId): Promise<VpnConnectionEntity> {
    const connection = await tx.manager.findOneBy(VpnConnectionEntity, { tenantId, id });
    if (!connection) throw new NotFoundError('VPN connection', id);
    return connection;
  }

  async save(tx: Tx, connection: VpnConnectionEntity): Promise<void> {
    const { tenantId, id, name, changedGeneration, deleting, version } = connection;
    await tx.manager.update(VpnConnectionEntity, { tenantId, id }, { name, changedGeneration, deleting, version });
  }

  /** The key as it was sealed. @throws NotFoundError */
  async sealedPresharedKey(tx: Tx, tenantId: TenantId, id: VpnConnectionId): Promise<Uint8Array> {
    const [row] = await tx.query<{ sealed: Buffer }>(
      'SELECT sealed_preshared_key AS sealed FROM vpn_connection WHERE tenant_id = $1 AND id = $2',
      [tenantId, id],
    );
    if (!row) throw new NotFoundError('VPN connection', id);
    return row.sealed;
  }

  /** How many the gateway has, and the blocks inside their tunnels, with those that are being deleted. */
  async tunnelBlocksOf(tx: Tx, tenantId: TenantId, vpnGatewayId: VpnGatewayId): Promise<string[]> {
    const rows = await tx.query<{ block: string }>(
      'SELECT tunnel_block::text AS block FROM vpn_connection WHERE tenant_id = $1 AND vpn_gateway_id = $2',
      [tenantId, vpnGatewayId],
    );
    return rows.map(({ block }) => block);
  }

  /**
   * Whether a connection to the customer gateway is there, even one that is being deleted. Those are locked: who removes
   * them from the data plane's side waits, and then sees what became of the gateway.
   */
  async remainFor(tx: Tx, tenantId: TenantId, id: CustomerGatewayId): Promise<boolean> {
    const rows = await tx.query(
      'SELECT id FROM vpn_connection WHERE tenant_id = $1 AND customer_gateway_id = $2 ORDER BY id FOR KEY SHARE',
      [tenantId, id],
    );
    return rows.length > 0;
  }

  /** Replaces the prefixes; an empty list withdraws them all. @throws RemotePrefixTakenError */
  async replacePrefixes(tx: Tx, connection: VpnConnectionEntity, prefixes: readonly string[]): Promise<void> {
    await tx.execute('DELETE FROM vpn_connection_prefix WHERE tenant_id = $1 AND vpn_connection_id = $2', [
      connection.tenantId,
      connection.id,
    ]);
    if (prefixes.length === 0) return;
    await translating(
      { vpn_connection_prefix_unique: () => new RemotePrefixTakenError(0, 'one of these prefixes') },
      () =>
        tx.execute(
          `INSERT INTO vpn_connection_prefix (tenant_id, vpn_gateway_id, vpn_connection_id, destination)
           SELECT $1, $2, $3, unnest($4::cidr[])`,
          [connection.tenantId, connection.vpnGatewayId, connection.id, [...prefixes]],
        ),
    );
  }

  /** The prefixes of several connections, each list in the order of the addresses. */
  async prefixesOf(
    tx: Tx,
    tenantId: TenantId,
    ids: readonly VpnConnectionId[],
  ): Promise<Map<VpnConnectionId, string[]>> {
    const rows = await tx.query<{ id: VpnConnectionId; prefixes: string[] }>(
      `SELECT vpn_connection_id AS id, array_agg(destination::text ORDER BY destination) AS prefixes
         FROM vpn_connection_prefix WHERE tenant_id = $1 AND vpn_connection_id = ANY ($2) GROUP BY 1`,
      [tenantId, [...ids]],
    );
    return new Map(rows.map(({ id, prefixes }) => [id, prefixes]));
  }

  list(tx: Tx, tenantId: TenantId, page: PageRequest, filter: VpnConnectionFilter): Promise<Page<VpnConnectionEntity>> {
    const { tag, ...columns } = filter;
    const where = { tenantId, ...columns };
    return pageOfEntities(tx, VpnConnectionEntity, page, where, (query) => havingTags(query, tag));
  }
}
