import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, type Tx, UnitOfWork } from '#database';
import type { ElasticIpId, NatGatewayId, OpContext, VpcId } from '#kernel';
import { TagRepository } from '#tenancy';
import type { ElasticIpEntity } from '../infra/elastic-ip.entity.js';
import { type ElasticIpFilter, ElasticIpRepository } from '../infra/elastic-ip.repository.js';
import { NatGatewayRepository } from '../infra/nat-gateway.repository.js';
import { type Placed, placedNowhere } from './placed.js';

export interface PlacedElasticIp extends Placed<ElasticIpEntity> {
  /** Who holds it, also while that one is being deleted. */
  holder: { id: NatGatewayId; vpcId: VpcId } | null;
}

@Injectable()
export class ElasticIpQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly elasticIps: ElasticIpRepository,
    private readonly natGateways: NatGatewayRepository,
    private readonly tags: TagRepository,
  ) {}

  get(ctx: OpContext, id: ElasticIpId): Promise<PlacedElasticIp> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      const [placed] = await this.place(tx, ctx, [await this.elasticIps.get(tx, ctx.tenantId, id)]);
      return placed as PlacedElasticIp;
    });
  }

  list(ctx: OpContext, page: PageRequest, filter: ElasticIpFilter): Promise<Page<PlacedElasticIp>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      const { items, nextCursor } = await this.elasticIps.list(tx, ctx.tenantId, page, filter);
      return { items: await this.place(tx, ctx, items), nextCursor };
    });
  }

  private async place(tx: Tx, ctx: OpContext, elasticIps: ElasticIpEntity[]): Promise<PlacedElasticIp[]> {
    const ids = elasticIps.map(({ id }) => id);
    const holders = await this.natGateways.holding(tx, ctx.tenantId, ids);
    const tags = await this.tags.of(tx, ctx.tenantId, ids);
    return elasticIps.map((elasticIp) => ({
      ...placedNowhere(elasticIp, tags.get(elasticIp.id) ?? {}),
      holder: holders.get(elasticIp.id) ?? null,
    }));
  }
}
