import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { DependencyViolationError, type OpContext, requireMatch, type VpcId } from '#kernel';
import { TagRepository, type Tags } from '#tenancy';
import type { CidrBlockEntity } from '../infra/cidr-block.entity.js';
import type { VpcEntity } from '../infra/vpc.entity.js';
import { VpcRepository } from '../infra/vpc.repository.js';
import { VpcContents } from '../infra/vpc-contents.js';
import { NetworkChanges } from './network-changes.js';
import { vpcRecord } from './network-records.js';
import { placedIn } from './placed.js';
import type { PlacedVpc } from './vpc.queries.js';

export interface UpdateVpc {
  name?: string | null;
  tags?: Tags;
}

@Injectable()
export class ChangeVpcService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly vpcs: VpcRepository,
    private readonly contents: VpcContents,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  update(ctx: OpContext, id: VpcId, input: UpdateVpc): Promise<PlacedVpc> {
    return this.uow.run(ctx, async (tx) => {
      const { vpc, blocks, tags } = await this.open(tx, ctx, id);
      const cidrs = blocks.map((block) => block.cidr);
      const before = vpcRecord(vpc, cidrs, tags);
      Object.assign(vpc, { name: input.name === undefined ? vpc.name : input.name, version: vpc.version + 1 });
      await this.vpcs.save(tx, vpc);
      if (input.tags) await this.tags.replace(tx, ctx.tenantId, id, input.tags);
      const newTags = input.tags ?? tags;
      const after = vpcRecord(vpc, cidrs, newTags);
      this.changes.record(tx, vpc, { action: 'vpc.updated', type: 'vpc', id, version: vpc.version, before, after });
      return { ...placedIn(vpc, vpc, newTags), blocks };
    });
  }

  /** Refused while anything lives in it; its main route table and blocks go with it. @throws DependencyViolationError */
  delete(ctx: OpContext, id: VpcId): Promise<PlacedVpc> {
    return this.uow.run(ctx, async (tx) => {
      const { vpc, blocks, tags } = await this.open(tx, ctx, id);
      const blockers = await this.contents.blockers(tx, ctx.tenantId, id);
      if (blockers.length > 0) throw new DependencyViolationError('vpc', id, blockers);
      const before = vpcRecord(
        vpc,
        blocks.map((block) => block.cidr),
        tags,
      );
      Object.assign(vpc, { deleting: true, version: vpc.version + 1 });
      await this.vpcs.save(tx, vpc);
      this.changes.record(tx, vpc, {
        action: 'vpc.deleted',
        type: 'vpc',
        id,
        version: vpc.version,
        before,
        after: null,
      });
      return { ...placedIn(vpc, vpc, tags), blocks };
    });
  }

  private async open(
    tx: Tx,
    ctx: OpContext,
    id: VpcId,
  ): Promise<{ vpc: VpcEntity; blocks: CidrBlockEntity[]; tags: Tags }> {
    requirePermission(ctx, 'network:write');
    const locked = await this.vpcs.lockForChange(tx, ctx, id);
    const vpc = await this.vpcs.get(tx, ctx.tenantId, id);
    requireMatch(ctx, vpc);
    vpc.changedGeneration = locked.generation;
    const blocks = (await this.vpcs.blocksOf(tx, ctx.tenantId, [id])).get(id) ?? [];
    const tags = (await this.tags.of(tx, ctx.tenantId, [id])).get(id) ?? {};
    return { vpc, blocks, tags };
  }
}
