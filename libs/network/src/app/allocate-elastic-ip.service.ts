import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { Clock, newId, type OpContext } from '#kernel';
import { QuotaRepository, TagRepository, type Tags } from '#tenancy';
import { ElasticIpRepository } from '../infra/elastic-ip.repository.js';
import type { PlacedElasticIp } from './elastic-ip.queries.js';
import { NetworkChanges } from './network-changes.js';
import { elasticIpRecord } from './network-records.js';
import { placedNowhere } from './placed.js';

export interface AllocateElasticIp {
  name?: string;
  tags?: Tags;
}

@Injectable()
export class AllocateElasticIpService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly elasticIps: ElasticIpRepository,
    private readonly quotas: QuotaRepository,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  /** Gives the tenant a public address of its own. @throws QuotaExceededError, InsufficientAddressCapacityError */
  execute(ctx: OpContext, input: AllocateElasticIp): Promise<PlacedElasticIp> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'network:write');
      await this.quotas.lock(tx, ctx.tenantId);
      await this.quotas.requireRoom(tx, ctx.tenantId, 'elastic-ips', this.elasticIps.counting(ctx.tenantId));
      const now = this.clock.now();
      const elasticIp = await this.elasticIps.allocate(tx, {
        tenantId: ctx.tenantId,
        id: newId('elasticIp', now.getTime()),
        name: input.name ?? null,
        deleting: false,
        version: 1,
        createdAt: now,
      });
      const tags = input.tags ?? {};
      await this.tags.insert(tx, ctx.tenantId, elasticIp.id, tags);
      this.changes.recordUnplaced(tx, {
        action: 'elastic-ip.allocated',
        type: 'elastic-ip',
        id: elasticIp.id,
        version: 1,
        before: null,
        after: elasticIpRecord(elasticIp, tags),
      });
      return { ...placedNowhere(elasticIp, tags), holder: null };
    });
  }
}
