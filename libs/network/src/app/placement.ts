import { Injectable } from '@nestjs/common';
import type { Page, Tx } from '#database';
import type { OpContext, VpcId } from '#kernel';
import { TagRepository } from '#tenancy';
import { NOWHERE, type Realizable } from '../domain/resource-state.js';
import { VpcRepository } from '../infra/vpc.repository.js';
import { type Placed, placedIn } from './placed.js';

/** What is in a VPC always, or may be attached to one. */
type MayBeInVpc = Realizable & { id: string; vpcId: VpcId | null };

/** Adds to resources of VPCs what their replies need: tags, and the state that their VPC's realisation gives them. */
@Injectable()
export class Placement {
  constructor(
    private readonly vpcs: VpcRepository,
    private readonly tags: TagRepository,
  ) {}

  async all<Resource extends MayBeInVpc>(tx: Tx, ctx: OpContext, resources: Resource[]): Promise<Placed<Resource>[]> {
    const vpcIds = resources.flatMap((resource) => resource.vpcId ?? []);
    const vpcs = await this.vpcs.byIds(tx, ctx.tenantId, vpcIds);
    const ids = resources.map((resource) => resource.id);
    const tags = await this.tags.of(tx, ctx.tenantId, ids);
    return resources.map((resource) => {
      const vpc = resource.vpcId === null ? NOWHERE : vpcs.get(resource.vpcId);
      if (!vpc) throw new Error(`${resource.id} refers to ${resource.vpcId}, which its foreign key says is there`);
      return placedIn(vpc, resource, tags.get(resource.id) ?? {});
    });
  }

  async one<Resource extends MayBeInVpc>(tx: Tx, ctx: OpContext, resource: Resource): Promise<Placed<Resource>> {
    const [placed] = await this.all(tx, ctx, [resource]);
    return placed as Placed<Resource>;
  }

  async page<Resource extends MayBeInVpc>(
    tx: Tx,
    ctx: OpContext,
    page: Page<Resource>,
  ): Promise<Page<Placed<Resource>>> {
    return { items: await this.all(tx, ctx, page.items), nextCursor: page.nextCursor };
  }
}
