import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { ConflictError, DependencyViolationError, type ElasticIpId, type OpContext, requireMatch } from '#kernel';
import { TagRepository, type Tags } from '#tenancy';
import { ElasticIpRepository } from '../infra/elastic-ip.repository.js';
import { NatGatewayRepository } from '../infra/nat-gateway.repository.js';
import { natGatewayBlocker } from '../infra/vpc-contents.js';
import type { PlacedElasticIp } from './elastic-ip.queries.js';
import { NetworkChanges } from './network-changes.js';
import { elasticIpRecord } from './network-records.js';
import { placedNowhere } from './placed.js';

export interface UpdateElasticIp {
  name?: string | null;
  tags?: Tags;
}

/** Renames, tags and releases elastic IPs. */
@Injectable()
export class ChangeElasticIpService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly elasticIps: ElasticIpRepository,
    private readonly natGateways: NatGatewayRepository,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  update(ctx: OpContext, id: ElasticIpId, input: UpdateElasticIp): Promise<PlacedElasticIp> {
    return this.uow.run(ctx, async (tx) => {
      const { elasticIp, holder, tags } = await this.open(tx, ctx, id);
      const before = elasticIpRecord(elasticIp, tags);
      if (input.name !== undefined) elasticIp.name = input.name;
      elasticIp.version += 1;
      await this.elasticIps.save(tx, elasticIp);
      if (input.tags) await this.tags.replace(tx, ctx.tenantId, id, input.tags);
      const newTags = input.tags ?? tags;
      this.changes.recordUnplaced(tx, {
        action: 'elastic-ip.updated',
        type: 'elastic-ip',
        id,
        version: elasticIp.version,
        before,
        after: elasticIpRecord(elasticIp, newTags),
      });
      return { ...placedNowhere(elasticIp, newTags), holder };
    });
  }

  /**
   * Gives the address back. While a gateway that is being deleted still holds it, nobody else gets it: it goes when the
   * data plane has let go of the gateway. @throws DependencyViolationError while a gateway uses it
   */
  release(ctx: OpContext, id: ElasticIpId): Promise<PlacedElasticIp> {
    return this.uow.run(ctx, async (tx) => {
      const { elasticIp, holder, tags } = await this.open(tx, ctx, id);
      if (holder && !holder.deleting) throw new DependencyViolationError('elastic IP', id, [natGatewayBlocker(holder)]);
      const before = elasticIpRecord(elasticIp, tags);
      elasticIp.deleting = true;
      elasticIp.version += 1;
      if (holder) {
        await this.elasticIps.save(tx, elasticIp);
      } else {
        await this.elasticIps.remove(tx, elasticIp);
        await this.tags.replace(tx, ctx.tenantId, id, {});
      }
      this.changes.recordUnplaced(tx, {
        action: 'elastic-ip.released',
        type: 'elastic-ip',
        id,
        version: elasticIp.version,
        before,
        after: null,
      });
      return { ...placedNowhere(elasticIp, tags), holder };
    });
  }

  private async open(tx: Tx, ctx: OpContext, id: ElasticIpId) {
    requirePermission(ctx, 'network:write');
    const elasticIp = await this.elasticIps.lock(tx, ctx.tenantId, id);
    if (elasticIp.deleting) throw new ConflictError('Deleting', `elastic IP ${id} is being released.`);
    requireMatch(ctx, elasticIp);
    const holder = (await this.natGateways.holding(tx, ctx.tenantId, [id])).get(id) ?? null;
    const tags = (await this.tags.of(tx, ctx.tenantId, [id])).get(id) ?? {};
    return { elasticIp, holder, tags };
  }
}
