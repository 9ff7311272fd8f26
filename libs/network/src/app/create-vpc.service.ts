import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { formatCidr } from '#ip';
import { Clock, newId, type OpContext, type VpcId } from '#kernel';
import { QuotaRepository, TagRepository, type Tags } from '#tenancy';
import { isPrivateCidr, requireVpcCidr } from '../domain/vpc.js';
import { CidrBlockEntity } from '../infra/cidr-block.entity.js';
import { PoolRangeRepository } from '../infra/pool-range.repository.js';
import { RouteTableRepository } from '../infra/route-table.repository.js';
import { VpcEntity } from '../infra/vpc.entity.js';
import { VpcRepository } from '../infra/vpc.repository.js';
import { NetworkChanges } from './network-changes.js';
import { routeTableRecord, vpcRecord } from './network-records.js';
import { placedIn } from './placed.js';
import { planRouteTable } from './plan-route-table.js';
import type { PlacedVpc } from './vpc.queries.js';

export interface CreateVpc {
  cidrBlock: string;
  ipv6CidrBlock?: string;
  name?: string;
  tags?: Tags;
}

@Injectable()
export class CreateVpcService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly vpcs: VpcRepository,
    private readonly routeTables: RouteTableRepository,
    private readonly pools: PoolRangeRepository,
    private readonly quotas: QuotaRepository,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  /** Tenants may overlap each other: a VPC is an address space of its own. Its main route table comes with it. */
  execute(ctx: OpContext, input: CreateVpc): Promise<PlacedVpc> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'network:write');
      await this.quotas.lock(tx, ctx.tenantId);
      const cidrs = await this.requireCidrs(tx, input);
      await this.quotas.requireRoom(tx, ctx.tenantId, 'vpcs', this.vpcs.counting(ctx.tenantId));
      const now = this.clock.now();
      const vpc = Object.assign(new VpcEntity(), {
        tenantId: ctx.tenantId,
        id: newId('vpc', now.getTime()),
        name: input.name ?? null,
        generation: 1,
        realizedGeneration: 0,
        changedGeneration: 1,
        realization: 'planned' as const,
        failure: null,
        deleting: false,
        version: 1,
        createdAt: now,
      });
      const blocks = cidrs.map((cidr, index) => planBlock(vpc, cidr, index === 0, now));
      const main = planRouteTable(vpc, { isMain: true, name: null }, now);
      const tags = input.tags ?? {};
      await this.vpcs.insert(tx, vpc, blocks);
      await this.routeTables.insert(tx, main);
      await this.tags.insert(tx, ctx.tenantId, vpc.id, tags);
      const created = { version: 1, before: null };
      const after = vpcRecord({ vpc, blocks, mainRouteTableId: main.id, tags });
      this.changes.record(tx, vpc, { ...created, action: 'vpc.created', type: 'vpc', id: vpc.id, after });
      this.changes.record(tx, vpc, {
        ...created,
        action: 'route-table.created',
        type: 'route-table',
        id: main.id,
        after: routeTableRecord(main, {}),
      });
      return { ...placedIn(vpc, vpc, tags), blocks, mainRouteTableId: main.id };
    });
  }

  /** The operator's pools are asked only for what is not private anyway. */
  private async requireCidrs(tx: Tx, { cidrBlock, ipv6CidrBlock }: CreateVpc): Promise<string[]> {
    const wanted = [
      { pointer: '/cidrBlock', text: cidrBlock, version: 4 as const },
      ...(ipv6CidrBlock === undefined ? [] : [{ pointer: '/ipv6CidrBlock', text: ipv6CidrBlock, version: 6 as const }]),
    ];
    const poolRanges = wanted.every(({ text }) => isPrivateCidr(text)) ? [] : await this.pools.vpcRanges(tx);
    return wanted.map(({ pointer, text, version }) => formatCidr(requireVpcCidr(pointer, text, version, poolRanges)));
  }
}

function planBlock(
  vpc: { tenantId: VpcEntity['tenantId']; id: VpcId; generation: number },
  cidr: string,
  isPrimary: boolean,
  now: Date,
) {
  return Object.assign(new CidrBlockEntity(), {
    tenantId: vpc.tenantId,
    id: newId('cidrBlock', now.getTime()),
    vpcId: vpc.id,
    cidr,
    isPrimary,
    changedGeneration: vpc.generation,
    deleting: false,
    createdAt: now,
  });
}
