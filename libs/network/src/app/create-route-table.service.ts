import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { Clock, type OpContext, type VpcId } from '#kernel';
import { QuotaRepository, TagRepository, type Tags } from '#tenancy';
import { RouteTableRepository } from '../infra/route-table.repository.js';
import { VpcRepository } from '../infra/vpc.repository.js';
import { NetworkChanges } from './network-changes.js';
import { routeTableRecord } from './network-records.js';
import { planRouteTable } from './plan-route-table.js';
import { type DetailedRouteTable, RouteTableDetails } from './route-table-details.js';

export interface CreateRouteTable {
  vpcId: VpcId;
  name?: string;
  tags?: Tags;
}

@Injectable()
export class CreateRouteTableService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly vpcs: VpcRepository,
    private readonly routeTables: RouteTableRepository,
    private readonly details: RouteTableDetails,
    private readonly quotas: QuotaRepository,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  execute(ctx: OpContext, input: CreateRouteTable): Promise<DetailedRouteTable> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'network:write');
      const vpc = await this.vpcs.lockForChange(tx, ctx, input.vpcId, '/vpcId');
      const counting = this.routeTables.counting(ctx.tenantId, vpc.id);
      await this.quotas.requireRoom(tx, ctx.tenantId, 'route-tables-per-vpc', counting);
      const table = planRouteTable(vpc, { isMain: false, name: input.name ?? null }, this.clock.now());
      const tags = input.tags ?? {};
      await this.routeTables.insert(tx, table);
      await this.tags.insert(tx, ctx.tenantId, table.id, tags);
      this.changes.record(tx, vpc, {
        action: 'route-table.created',
        type: 'route-table',
        id: table.id,
        version: 1,
        before: null,
        after: routeTableRecord(table, tags),
      });
      return this.details.one(tx, ctx, table);
    });
  }
}
