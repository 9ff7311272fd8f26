import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, type Tx, UnitOfWork } from '#database';
import type { CustomerGatewayId, OpContext } from '#kernel';
import { TagRepository } from '#tenancy';
import type { CustomerGatewayEntity } from '../infra/customer-gateway.entity.js';
import { CustomerGatewayRepository } from '../infra/customer-gateway.repository.js';
import { type Placed, placedNowhere } from './placed.js';

@Injectable()
export class CustomerGatewayQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly gateways: CustomerGatewayRepository,
    private readonly tags: TagRepository,
  ) {}

  get(ctx: OpContext, id: CustomerGatewayId): Promise<Placed<CustomerGatewayEntity>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      const [placed] = await this.place(tx, ctx, [await this.gateways.get(tx, ctx.tenantId, id)]);
      return placed as Placed<CustomerGatewayEntity>;
    });
  }

  list(ctx: OpContext, page: PageRequest, tags: readonly string[]): Promise<Page<Placed<CustomerGatewayEntity>>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      const { items, nextCursor } = await this.gateways.list(tx, ctx.tenantId, page, tags);
      return { items: await this.place(tx, ctx, items), nextCursor };
    });
  }

  private async place(
    tx: Tx,
    ctx: OpContext,
    gateways: CustomerGatewayEntity[],
  ): Promise<Placed<CustomerGatewayEntity>[]> {
    const ids = gateways.map(({ id }) => id);
    const tags = await this.tags.of(tx, ctx.tenantId, ids);
    return gateways.map((gateway) => placedNowhere(gateway, tags.get(gateway.id) ?? {}));
  }
}
