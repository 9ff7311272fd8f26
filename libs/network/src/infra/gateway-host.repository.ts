import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Tx, translating } from '#database';
import { ConflictError, type GatewayHostId, NotFoundError, type TenantId, type VpnConnectionId } from '#kernel';
import { GatewayHostEntity } from './gateway-host.entity.js';

/** A connection that ends on a host, and whose it is. */
export interface HostedConnection {
  gatewayHostId: GatewayHostId;
  tenantId: TenantId;
  vpnConnectionId: VpnConnectionId;
}

function taken(code: string, pointer: string, rule: string, message: string, fix: string): () => ConflictError {
  return () =>
    new ConflictError(code, `Another gateway host ${message}.`, { errors: [{ pointer, rule, message, fix }] });
}

const CONFLICTS = {
  gateway_host_name_unique: taken(
    'GatewayHostNameTaken',
    '/name',
    'gateway-host.name-unique',
    'has this name',
    'choose another name',
  ),
  gateway_host_key_unique: taken(
    'GatewayHostKeyTaken',
    '/wireguardPublicKey',
    'gateway-host.key-unique',
    'has this key',
    'run "freehold agent init" on each host: every host has a key of its own',
  ),
  gateway_host_ports_no_overlap: taken(
    'GatewayHostEndpointTaken',
    '/endpoint',
    'gateway-host.ports-disjoint',
    'at this address uses some of the 1000 ports that start here',
    'use another address, or a first port that is 1000 or more away from the one of every other host at this address',
  ),
};

/** The operator's hosts. Only the functions that are named in the migration look from here at tenants, or back. */
@Injectable()
export class GatewayHostRepository {
  /** @throws ConflictError */
  async insert(tx: Tx, host: GatewayHostEntity): Promise<void> {
    await translating(CONFLICTS, () => tx.manager.insert(GatewayHostEntity, host));
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: GatewayHostId): Promise<GatewayHostEntity> {
    const host = await tx.manager.findOneBy(GatewayHostEntity, { tenantId, id });
    if (!host) throw new NotFoundError('gateway host', id);
    return host;
  }

  /** The row for a change, while no connection is being put on any host. @throws NotFoundError */
  async lock(tx: Tx, tenantId: TenantId, id: GatewayHostId): Promise<GatewayHostEntity> {
    // The lock of crosstenant.assign_gateway_host.
    await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('gateway-hosts', 0))");
    return this.get(tx, tenantId, id);
  }

  /** @throws ConflictError */
  async save(tx: Tx, host: GatewayHostEntity): Promise<void> {
    const { tenantId, id, createdAt: _createdAt, ...columns } = host;
    await translating(CONFLICTS, () => tx.manager.update(GatewayHostEntity, { tenantId, id }, columns));
  }

  async delete(tx: Tx, { tenantId, id }: GatewayHostEntity): Promise<void> {
    await tx.manager.delete(GatewayHostEntity, { tenantId, id });
  }

  list(tx: Tx, tenantId: TenantId, page: PageRequest): Promise<Page<GatewayHostEntity>> {
    return pageOfEntities(tx, GatewayHostEntity, page, { tenantId });
  }

  /** The connections of all tenants that end on these hosts, also those being deleted; nothing unless the operator asks. */
  connectionsOn(tx: Tx, ids: readonly GatewayHostId[]): Promise<HostedConnection[]> {
    return tx.query<HostedConnection>(
      `SELECT gateway_host_id AS "gatewayHostId", tenant_id AS "tenantId", vpn_connection_id AS "vpnConnectionId"
         FROM crosstenant.gateway_host_connections($1)`,
      [[...ids]],
    );
  }

  /** How many connections end on each of these hosts. */
  async connectionCounts(tx: Tx, ids: readonly GatewayHostId[]): Promise<Map<GatewayHostId, number>> {
    const rows = await tx.query<{ id: GatewayHostId; n: number }>(
      'SELECT gateway_host_id AS id, count(*)::int AS n FROM crosstenant.gateway_host_connections($1) GROUP BY 1',
      [[...ids]],
    );
    return new Map(rows.map(({ id, n }) => [id, n]));
  }
}
