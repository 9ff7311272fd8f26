import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, type Tx, UnitOfWork } from '#database';
import type { GatewayHostId, OpContext } from '#kernel';
import type { GatewayHostEntity } from '../infra/gateway-host.entity.js';
import { GatewayHostRepository } from '../infra/gateway-host.repository.js';
import type { GatewayHostInUse } from './register-gateway-host.service.js';

@Injectable()
export class GatewayHostQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly hosts: GatewayHostRepository,
  ) {}

  get(ctx: OpContext, id: GatewayHostId): Promise<GatewayHostInUse> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'system:gateway-host:read');
      const [host] = await this.withConnections(tx, [await this.hosts.get(tx, ctx.tenantId, id)]);
      return host as GatewayHostInUse;
    });
  }

  list(ctx: OpContext, page: PageRequest): Promise<Page<GatewayHostInUse>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'system:gateway-host:read');
      const { items, nextCursor } = await this.hosts.list(tx, ctx.tenantId, page);
      return { items: await this.withConnections(tx, items), nextCursor };
    });
  }

  private async withConnections(tx: Tx, hosts: GatewayHostEntity[]): Promise<GatewayHostInUse[]> {
    const ids = hosts.map(({ id }) => id);
    const counts = await this.hosts.connectionCounts(tx, ids);
    return hosts.map((host) => ({ host, connections: counts.get(host.id) ?? 0 }));
  }
}
