import { Injectable } from '@nestjs/common';
import { type Tx, UnitOfWork } from '#database';
import { type JsonValue, NotFoundError, type OpContext, type RouteTableId } from '#kernel';
import { QuotaRepository } from '#tenancy';
import { localRoute, requireRouteDestination } from '../domain/route-destination.js';
import { type RequestedTarget, type RouteTarget, requireOneTarget, requireServes } from '../domain/route-target.js';
import { RouteRepository } from '../infra/route.repository.js';
import { RouteTargetRepository } from '../infra/route-target.repository.js';
import { NetworkChanges } from './network-changes.js';
import { routeRecord } from './network-records.js';
import { type DetailedRouteTable, RouteTableDetails } from './route-table-details.js';
import { type OpenRouteTable, RouteTableEditor } from './route-table-editor.js';

export interface WriteRoute extends RequestedTarget {
  destinationCidrBlock: string;
}

/** Writes the static routes of a table. Local routes come and go with the VPC's blocks, propagated ones with their gateway. */
@Injectable()
export class ChangeRoutesService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly editor: RouteTableEditor,
    private readonly routes: RouteRepository,
    private readonly targets: RouteTargetRepository,
    private readonly details: RouteTableDetails,
    private readonly quotas: QuotaRepository,
    private readonly changes: NetworkChanges,
  ) {}

  /** @throws InvalidInputError, ReferenceNotFoundError, ConflictError `RouteExists`, QuotaExceededError */
  add(ctx: OpContext, tableId: RouteTableId, input: WriteRoute): Promise<DetailedRouteTable> {
    return this.uow.run(ctx, async (tx) => {
      const open = await this.editor.open(tx, ctx, tableId);
      const { destination, target } = await this.plan(tx, open, input);
      const counting = this.routes.counting(ctx.tenantId, tableId);
      await this.quotas.requireRoom(tx, ctx.tenantId, 'routes-per-table', counting);
      await this.routes.insert(tx, this.row(open, destination, target));
      return this.close(tx, ctx, open, 'route.created', destination, null, target);
    });
  }

  /** Points an existing route at another target. @throws as `add`, and NotFoundError */
  replace(ctx: OpContext, tableId: RouteTableId, input: WriteRoute): Promise<DetailedRouteTable> {
    return this.uow.run(ctx, async (tx) => {
      const open = await this.editor.open(tx, ctx, tableId);
      const { destination, target } = await this.plan(tx, open, input);
      const known = await this.known(tx, open, destination);
      await this.routes.retarget(tx, this.row(open, destination, target));
      return this.close(tx, ctx, open, 'route.replaced', destination, known, target);
    });
  }

  /** @throws NotFoundError, ConflictError `LocalRoute` */
  remove(ctx: OpContext, tableId: RouteTableId, destination: string): Promise<DetailedRouteTable> {
    return this.uow.run(ctx, async (tx) => {
      const open = await this.editor.open(tx, ctx, tableId);
      if (open.vpc.cidrs.includes(destination)) throw localRoute(destination, 'deleted');
      const known = await this.known(tx, open, destination);
      await this.routes.remove(tx, ctx.tenantId, tableId, destination);
      return this.close(tx, ctx, open, 'route.deleted', destination, known, null);
    });
  }

  private async plan(tx: Tx, { vpc }: OpenRouteTable, input: WriteRoute) {
    const target = requireOneTarget(input);
    const destination = requireRouteDestination(input.destinationCidrBlock, target.kind, vpc.cidrs);
    requireServes(target, vpc.id, await this.targets.servedVpc(tx, vpc.tenantId, target));
    return { destination, target };
  }

  private async known(tx: Tx, { table }: OpenRouteTable, destination: string): Promise<RouteTarget> {
    const target = await this.routes.find(tx, table.tenantId, table.id, destination);
    if (!target) throw new NotFoundError('route', `to ${destination} in ${table.id}`);
    return target;
  }

  private row({ table }: OpenRouteTable, destination: string, target: RouteTarget) {
    return { tenantId: table.tenantId, vpcId: table.vpcId, routeTableId: table.id, destination, target };
  }

  private async close(
    tx: Tx,
    ctx: OpContext,
    { vpc, table }: OpenRouteTable,
    action: string,
    destination: string,
    before: RouteTarget | null,
    after: RouteTarget | null,
  ): Promise<DetailedRouteTable> {
    await this.editor.save(tx, table);
    const record = (target: RouteTarget | null): JsonValue => target && routeRecord(table.id, destination, target);
    this.changes.record(tx, vpc, {
      action,
      type: 'route',
      id: `${table.id}/${destination}`,
      version: table.version,
      before: record(before),
      after: record(after),
    });
    return this.details.one(tx, ctx, table);
  }
}
