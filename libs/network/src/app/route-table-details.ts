import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { OpContext, VpnGatewayId } from '#kernel';
import type { IntentRoute } from '#topology';
import { routesOfTable } from '#topology';
import { RoutePropagationRepository } from '../infra/route-propagation.repository.js';
import type { RouteTableEntity } from '../infra/route-table.entity.js';
import type { RouteTableAssociationEntity } from '../infra/route-table-association.entity.js';
import { RouteTableAssociationRepository } from '../infra/route-table-association.repository.js';
import { VpcSnapshotRepository } from '../infra/vpc-snapshot.repository.js';
import type { Placed } from './placed.js';
import { Placement } from './placement.js';

/** A route table with what refers to it. */
export interface PlacedRouteTable extends Placed<RouteTableEntity> {
  associations: RouteTableAssociationEntity[];
  propagatingVpnGatewayIds: VpnGatewayId[];
}

/** A route table with its routes, as they stand at this moment. */
export interface DetailedRouteTable extends PlacedRouteTable {
  routes: IntentRoute[];
}

/** Adds to route tables what their replies show beside their own rows. */
@Injectable()
export class RouteTableDetails {
  constructor(
    private readonly placement: Placement,
    private readonly associations: RouteTableAssociationRepository,
    private readonly propagations: RoutePropagationRepository,
    private readonly snapshots: VpcSnapshotRepository,
  ) {}

  async all(tx: Tx, ctx: OpContext, tables: RouteTableEntity[]): Promise<PlacedRouteTable[]> {
    const placed = await this.placement.all(tx, ctx, tables);
    const ids = tables.map((table) => table.id);
    const associations = await this.associations.ofTables(tx, ctx.tenantId, ids);
    const propagations = await this.propagations.ofTables(tx, ctx.tenantId, ids);
    return placed.map((one) => ({
      ...one,
      associations: associations.get(one.resource.id) ?? [],
      propagatingVpnGatewayIds: propagations.get(one.resource.id) ?? [],
    }));
  }

  async one(tx: Tx, ctx: OpContext, table: RouteTableEntity): Promise<DetailedRouteTable> {
    const [placed] = await this.all(tx, ctx, [table]);
    return { ...(placed as PlacedRouteTable), routes: await this.routes(tx, ctx, table) };
  }

  /** The routes of a table, read in one snapshot with all that they depend on. */
  async routes(tx: Tx, ctx: OpContext, table: RouteTableEntity): Promise<IntentRoute[]> {
    const scope = { tenantId: ctx.tenantId, routeTableId: table.id };
    const snapshot = await this.snapshots.read(tx, table.vpcId, scope);
    return snapshot ? routesOfTable(snapshot, table.id) : [];
  }
}
