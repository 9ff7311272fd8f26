import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Tx } from '#database';
import type { RouteTableId, TenantId } from '#kernel';
import type { RouteTarget } from '../domain/route-target.js';
import { RouteTableAssociationEntity } from './route-table-association.entity.js';

/** What belongs to the live tables of a tenant, all of it in pages: for those who look at everything. */
@Injectable()
export class RouteStateRepository {
  routes(
    tx: Tx,
    tenantId: TenantId,
    limit: number,
  ): AsyncGenerator<{ routeTableId: RouteTableId; destination: string; target: RouteTarget }[]> {
    type Row = { routeTableId: RouteTableId; key: string } & RouteTarget;
    const columns =
      'p.route_table_id AS "routeTableId", p.destination::text AS key, p.target_kind AS kind, p.target_id AS id';
    const toRoute = ({ routeTableId, key, kind, id }: Row) => ({
      routeTableId,
      destination: key,
      target: { kind, id } as RouteTarget,
    });
    return this.pages(tx, tenantId, limit, { table: 'route', key: 'p.destination', cast: 'cidr', columns }, toRoute);
  }

  propagations(
    tx: Tx,
    tenantId: TenantId,
    limit: number,
  ): AsyncGenerator<{ routeTableId: RouteTableId; vpnGatewayId: string }[]> {
    type Row = { routeTableId: RouteTableId; key: string };
    const columns = 'p.route_table_id AS "routeTableId", p.vpn_gateway_id AS key';
    const part = { table: 'route_propagation', key: 'p.vpn_gateway_id', cast: 'text', columns };
    return this.pages(tx, tenantId, limit, part, ({ routeTableId, key }: Row) => ({ routeTableId, vpnGatewayId: key }));
  }

  associations(tx: Tx, tenantId: TenantId, page: PageRequest): Promise<Page<RouteTableAssociationEntity>> {
    return pageOfEntities(tx, RouteTableAssociationEntity, page, { tenantId });
  }

  /** By table and key. A row without its table, which foreign keys forbid, is there all the same. */
  private async *pages<Row extends { routeTableId: RouteTableId; key: string }, T>(
    tx: Tx,
    tenantId: TenantId,
    limit: number,
    { table, key, cast, columns }: { table: string; key: string; cast: string; columns: string },
    toItem: (row: Row) => T,
  ): AsyncGenerator<T[]> {
    for (let last: Row | undefined; ; ) {
      const rows: Row[] = await tx.query<Row>(
        `SELECT ${columns} FROM ${table} p
           LEFT JOIN route_table t ON t.tenant_id = p.tenant_id AND t.id = p.route_table_id
           LEFT JOIN vpc v ON v.tenant_id = t.tenant_id AND v.id = t.vpc_id
          WHERE p.tenant_id = $1 AND ($2::text IS NULL OR (p.route_table_id, ${key}) > ($2, $3::${cast}))
            AND t.deleting IS NOT TRUE AND v.deleting IS NOT TRUE
          ORDER BY p.route_table_id, ${key} LIMIT $4`,
        [tenantId, last?.routeTableId ?? null, last?.key ?? null, limit],
      );
      yield rows.map(toItem);
      if (rows.length < limit) return;
      last = rows.at(-1);
    }
  }
}
