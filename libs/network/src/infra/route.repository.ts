import { Injectable } from '@nestjs/common';
import { type Statement, type Tx, translating } from '#database';
import { ConflictError, type RouteTableId, type TenantId, type VpcId } from '#kernel';
import type { RouteTarget, StaticTargetKind } from '../domain/route-target.js';

/** A static route of a table. */
export interface RouteRow {
  tenantId: TenantId;
  vpcId: VpcId;
  routeTableId: RouteTableId;
  /** In canonical text. */
  destination: string;
  target: RouteTarget;
}

const TARGET_COLUMN: Record<StaticTargetKind, string> = {
  'internet-gateway': 'internet_gateway_id',
  'nat-gateway': 'nat_gateway_id',
  'vpn-gateway': 'vpn_gateway_id',
};

const idIf = (kind: StaticTargetKind, target: RouteTarget) => (target.kind === kind ? target.id : null);

@Injectable()
export class RouteRepository {
  /** @throws ConflictError `RouteExists` */
  async insert(tx: Tx, { tenantId, vpcId, routeTableId, destination, target }: RouteRow): Promise<void> {
    await translating({ route_destination_unique: () => routeExists(routeTableId, destination) }, () =>
      tx.execute(
        `INSERT INTO route (tenant_id, vpc_id, route_table_id, destination, target_kind, target_id, ${TARGET_COLUMN[target.kind]})
         VALUES ($1, $2, $3, $4, $5, $6, $6)`,
        [tenantId, vpcId, routeTableId, destination, target.kind, target.id],
      ),
    );
  }

  async find(tx: Tx, tenantId: TenantId, routeTableId: RouteTableId, destination: string): Promise<RouteTarget | null> {
    const [row] = await tx.query<RouteTarget>(
      `SELECT target_kind AS kind, target_id AS id FROM route
        WHERE tenant_id = $1 AND route_table_id = $2 AND destination = $3`,
      [tenantId, routeTableId, destination],
    );
    return row ?? null;
  }

  async retarget(tx: Tx, { tenantId, routeTableId, destination, target }: RouteRow): Promise<void> {
    await tx.execute(
      `UPDATE route SET target_kind = $4, target_id = $5, internet_gateway_id = $6, nat_gateway_id = $7, vpn_gateway_id = $8
        WHERE tenant_id = $1 AND route_table_id = $2 AND destination = $3`,
      [
        tenantId,
        routeTableId,
        destination,
        target.kind,
        target.id,
        idIf('internet-gateway', target),
        idIf('nat-gateway', target),
        idIf('vpn-gateway', target),
      ],
    );
  }

  async remove(tx: Tx, tenantId: TenantId, routeTableId: RouteTableId, destination: string): Promise<void> {
    await tx.execute('DELETE FROM route WHERE tenant_id = $1 AND route_table_id = $2 AND destination = $3', [
      tenantId,
      routeTableId,
      destination,
    ]);
  }

  /** Counts the static routes of a table, for its quota. */
  counting(tenantId: TenantId, routeTableId: RouteTableId): Statement {
    return {
      sql: 'SELECT count(*) AS used FROM route WHERE tenant_id = $1 AND route_table_id = $2',
      params: [tenantId, routeTableId],
    };
  }

  /** The destinations of the static routes in all tables of a VPC, each once. */
  async destinationsOf(tx: Tx, tenantId: TenantId, vpcId: VpcId): Promise<string[]> {
    const rows = await tx.query<{ destination: string }>(
      'SELECT DISTINCT destination FROM route WHERE tenant_id = $1 AND vpc_id = $2',
      [tenantId, vpcId],
    );
    return rows.map(({ destination }) => destination);
  }
}

function routeExists(routeTableId: RouteTableId, destination: string): ConflictError {
  return new ConflictError('RouteExists', `Route table ${routeTableId} has a route to ${destination} already.`, {
    errors: [
      {
        pointer: '/destinationCidrBlock',
        rule: 'route.destination-unique',
        message: `there is a route to ${destination} already`,
        fix: `replace it with PUT /v1/route-tables/${routeTableId}/routes, or delete it first`,
      },
    ],
  });
}
