import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';

/**
 * Removes what the data plane has let go of, referring rows before the rows they refer to. The VPC's row is locked by the
 * caller. A static route is never removed here unless its table is: a lost target makes it a blackhole.
 */
@Injectable()
export class VpcContentsPurge {
  /** What was to go by `generation`; null as `generation` takes everything. */
  async upTo(tx: Tx, tenantId: string, vpcId: string, generation: number | null): Promise<void> {
    const scope = [tenantId, vpcId, generation];
    await this.vpnConnections(tx, scope);
    await this.natGateways(tx, scope);
    await this.gateways(tx, scope, 'internet_gateway');
    await this.gateways(tx, scope, 'vpn_gateway');
    await this.subnets(tx, scope);
    await this.routeTables(tx, scope);
    await tx.execute(`DELETE FROM vpc_cidr_block x WHERE ${going('deleting')}`, scope);
  }

  /** Whatever is left in a VPC that was deleted, and the VPC. A gateway that is being detached from it survives. */
  async wholeVpc(tx: Tx, tenantId: string, vpcId: string): Promise<void> {
    await this.upTo(tx, tenantId, vpcId, null);
    await tx.execute('DELETE FROM vpc WHERE tenant_id = $1 AND id = $2', [tenantId, vpcId]);
    await removeTags(tx, tenantId, [vpcId]);
  }

  /** Their endpoints and prefixes go with them, and so do the customer gateways that were deleted before them. */
  private async vpnConnections(tx: Tx, scope: unknown[]): Promise<void> {
    const gone = await tx.query<{ id: string; customer: string }>(
      `DELETE FROM vpn_connection x WHERE ${going('deleting')} RETURNING x.id, x.customer_gateway_id AS customer`,
      scope,
    );
    if (gone.length === 0) return;
    const [tenantId] = scope as [string];
    const customers = await tx.query<{ id: string }>(
      `DELETE FROM customer_gateway c WHERE c.tenant_id = $1 AND c.deleting AND c.id = ANY ($2)
          AND NOT EXISTS (SELECT 1 FROM vpn_connection v WHERE v.tenant_id = c.tenant_id AND v.customer_gateway_id = c.id)
        RETURNING c.id`,
      [tenantId, gone.map(({ customer }) => customer)],
    );
    await removeTags(
      tx,
      tenantId,
      [...gone, ...customers].map(({ id }) => id),
    );
  }

  private async natGateways(tx: Tx, scope: unknown[]): Promise<void> {
    // Locked first: whoever releases such an address at the same time either marks it before this, or waits and finds it free.
    const held = await tx.query<{ id: string }>(
      `SELECT e.id FROM elastic_ip e
         JOIN nat_gateway x ON x.tenant_id = e.tenant_id AND x.elastic_ip_id = e.id
        WHERE ${going('deleting')} ORDER BY e.id FOR UPDATE OF e`,
      scope,
    );
    const gone = await tx.query<{ id: string }>(`SELECT x.id FROM nat_gateway x WHERE ${going('deleting')}`, scope);
    if (gone.length === 0) return;
    const [tenantId] = scope as [string];
    const ids = gone.map(({ id }) => id);
    await tx.execute('DELETE FROM subnet_address WHERE tenant_id = $1 AND nat_gateway_id = ANY ($2)', [tenantId, ids]);
    await tx.execute('DELETE FROM nat_gateway WHERE tenant_id = $1 AND id = ANY ($2)', [tenantId, ids]);
    const released = await tx.query<{ id: string }>(
      'DELETE FROM elastic_ip WHERE tenant_id = $1 AND deleting AND id = ANY ($2) RETURNING id',
      [tenantId, held.map(({ id }) => id)],
    );
    await removeTags(tx, tenantId, [...ids, ...released.map(({ id }) => id)]);
  }

  /** A gateway that was detached is free for another VPC; one that was deleted meanwhile goes. */
  private async gateways(tx: Tx, scope: unknown[], table: 'internet_gateway' | 'vpn_gateway'): Promise<void> {
    const detached = await tx.query<{ id: string; deleting: boolean }>(
      `SELECT x.id, x.deleting FROM ${table} x WHERE ${going('detaching')} ORDER BY x.id FOR UPDATE`,
      scope,
    );
    if (detached.length === 0) return;
    const [tenantId] = scope as [string];
    const ids = detached.map(({ id }) => id);
    const gone = detached.filter(({ deleting }) => deleting).map(({ id }) => id);
    if (table === 'vpn_gateway') {
      await tx.execute('DELETE FROM route_propagation WHERE tenant_id = $1 AND vpn_gateway_id = ANY ($2)', [
        tenantId,
        ids,
      ]);
    }
    await tx.execute(`DELETE FROM ${table} WHERE tenant_id = $1 AND id = ANY ($2)`, [tenantId, gone]);
    await tx.execute(
      `UPDATE ${table} SET vpc_id = NULL, detaching = false WHERE tenant_id = $1 AND detaching AND id = ANY ($2)`,
      [tenantId, ids],
    );
    await removeTags(tx, tenantId, gone);
  }

  private async subnets(tx: Tx, scope: unknown[]): Promise<void> {
    await deleteWithTags(tx, scope, 'subnet');
  }

  private async routeTables(tx: Tx, scope: unknown[]): Promise<void> {
    for (const part of ['route', 'route_propagation']) {
      await tx.execute(
        `DELETE FROM ${part} p USING route_table x
          WHERE p.tenant_id = x.tenant_id AND p.route_table_id = x.id AND ${going('deleting')}`,
        scope,
      );
    }
    await deleteWithTags(tx, scope, 'route_table');
  }
}

/** The rows `x` of the VPC that go now; a VPC that goes takes all of its own with it. */
function going(mark: 'deleting' | 'detaching'): string {
  return `x.tenant_id = $1 AND x.vpc_id = $2 AND ($3::bigint IS NULL OR (x.${mark} AND x.changed_generation <= $3))`;
}

async function deleteWithTags(tx: Tx, scope: unknown[], table: 'subnet' | 'route_table'): Promise<void> {
  const gone = await tx.query<{ id: string }>(
    `DELETE FROM ${table} x WHERE ${going('deleting')} RETURNING x.id`,
    scope,
  );
  await removeTags(
    tx,
    scope[0] as string,
    gone.map(({ id }) => id),
  );
}

async function removeTags(tx: Tx, tenantId: string, resourceIds: string[]): Promise<void> {
  if (resourceIds.length === 0) return;
  await tx.execute('DELETE FROM resource_tag WHERE tenant_id = $1 AND resource_id = ANY ($2)', [tenantId, resourceIds]);
}
