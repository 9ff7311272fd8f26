import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, type Tx, UnitOfWork } from '#database';
import type { OpContext, RouteTableId, VpcId } from '#kernel';
import { TagRepository } from '#tenancy';
import type { CidrBlockEntity } from '../infra/cidr-block.entity.js';
import { RouteTableRepository } from '../infra/route-table.repository.js';
import type { VpcEntity } from '../infra/vpc.entity.js';
import { VpcRepository } from '../infra/vpc.repository.js';
import { type Placed, placedIn } from './placed.js';

export interface PlacedVpc extends Placed<VpcEntity> {
  blocks: CidrBlockEntity[];
  mainRouteTableId: RouteTableId;
}

@Injectable()
export class VpcQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly vpcs: VpcRepository,
    private readonly routeTables: RouteTableRepository,
    private readonly tags: TagRepository,
  ) {}

  get(ctx: OpContext, id: VpcId): Promise<PlacedVpc> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      const [placed] = await this.place(tx, ctx, [await this.vpcs.get(tx, ctx.tenantId, id)]);
      return placed as PlacedVpc;
    });
  }

  list(ctx: OpContext, page: PageRequest, tags: readonly string[]): Promise<Page<PlacedVpc>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      const { items, nextCursor } = await this.vpcs.list(tx, ctx.tenantId, page, tags);
      return { items: await this.place(tx, ctx, items), nextCursor };
    });
  }

  private async place(tx: Tx, ctx: OpContext, vpcs: VpcEntity[]): Promise<PlacedVpc[]> {
    const ids = vpcs.map((vpc) => vpc.id);
    const blocks = await this.vpcs.blocksOf(tx, ctx.tenantId, ids);
    const tags = await this.tags.of(tx, ctx.tenantId, ids);
    const main = await this.routeTables.mainOf(tx, ctx.tenantId, ids);
    return vpcs.map((vpc) => {
      const mainRouteTableId = main.get(vpc.id)?.id;
      if (!mainRouteTableId) throw new Error(`vpc ${vpc.id} has no main route table`);
      return { ...placedIn(vpc, vpc, tags.get(vpc.id) ?? {}), blocks: blocks.get(vpc.id) ?? [], mainRouteTableId };
    });
  }
}
