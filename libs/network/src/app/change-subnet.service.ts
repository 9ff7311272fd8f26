import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { ConflictError, DependencyViolationError, type OpContext, requireMatch, type SubnetId } from '#kernel';
import { TagRepository, type Tags } from '#tenancy';
import type { SubnetEntity } from '../infra/subnet.entity.js';
import { SubnetRepository } from '../infra/subnet.repository.js';
import { SubnetContents } from '../infra/subnet-contents.js';
import { type LockedVpc, VpcRepository } from '../infra/vpc.repository.js';
import { AssociateRouteTableService } from './associate-route-table.service.js';
import { NetworkChanges } from './network-changes.js';
import { subnetRecord } from './network-records.js';
import { type Placed, placedIn } from './placed.js';

export interface UpdateSubnet {
  name?: string | null;
  tags?: Tags;
}

/** Renames, tags and deletes subnets. Their blocks never change. */
@Injectable()
export class ChangeSubnetService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly vpcs: VpcRepository,
    private readonly subnets: SubnetRepository,
    private readonly contents: SubnetContents,
    private readonly associations: AssociateRouteTableService,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  update(ctx: OpContext, id: SubnetId, input: UpdateSubnet): Promise<Placed<SubnetEntity>> {
    return this.uow.run(ctx, async (tx) => {
      const { vpc, subnet, tags } = await this.open(tx, ctx, id);
      const before = subnetRecord(subnet, tags);
      Object.assign(subnet, {
        name: input.name === undefined ? subnet.name : input.name,
        changedGeneration: vpc.generation,
        version: subnet.version + 1,
      });
      await this.subnets.save(tx, subnet);
      if (input.tags) await this.tags.replace(tx, ctx.tenantId, id, input.tags);
      const newTags = input.tags ?? tags;
      const after = subnetRecord(subnet, newTags);
      this.changes.record(tx, vpc, {
        action: 'subnet.updated',
        type: 'subnet',
        id,
        version: subnet.version,
        before,
        after,
      });
      return placedIn(vpc, subnet, newTags);
    });
  }

  /**
   * The subnet's addresses stay taken until the data plane has let go of them; its association with a route table goes at
   * once. @throws DependencyViolationError
   */
  delete(ctx: OpContext, id: SubnetId): Promise<Placed<SubnetEntity>> {
    return this.uow.run(ctx, async (tx) => {
      const { vpc, subnet, tags } = await this.open(tx, ctx, id);
      const blockers = await this.contents.blockers(tx, ctx.tenantId, id);
      if (blockers.length > 0) throw new DependencyViolationError('subnet', id, blockers);
      const before = subnetRecord(subnet, tags);
      Object.assign(subnet, { deleting: true, changedGeneration: vpc.generation, version: subnet.version + 1 });
      await this.subnets.save(tx, subnet);
      this.changes.record(tx, vpc, {
        action: 'subnet.deleted',
        type: 'subnet',
        id,
        version: subnet.version,
        before,
        after: null,
      });
      await this.associations.dropOfSubnet(tx, ctx, vpc, id);
      return placedIn(vpc, subnet, tags);
    });
  }

  private async open(
    tx: Tx,
    ctx: OpContext,
    id: SubnetId,
  ): Promise<{ vpc: LockedVpc; subnet: SubnetEntity; tags: Tags }> {
    requirePermission(ctx, 'network:write');
    const { vpcId } = await this.subnets.get(tx, ctx.tenantId, id);
    const vpc = await this.vpcs.lockForChange(tx, ctx, vpcId);
    const subnet = await this.subnets.get(tx, ctx.tenantId, id);
    if (subnet.deleting) throw new ConflictError('Deleting', `subnet ${id} is being deleted.`);
    requireMatch(ctx, subnet);
    const tags = (await this.tags.of(tx, ctx.tenantId, [id])).get(id) ?? {};
    return { vpc, subnet, tags };
  }
}
