import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { formatCidr } from '#ip';
import { Clock, newId, type OpContext, type VpcId } from '#kernel';
import { QuotaRepository, TagRepository, type Tags } from '#tenancy';
import { requireVpcCidr } from '../domain/vpc.js';
import { CidrBlockEntity } from '../infra/cidr-block.entity.js';
import { VpcEntity } from '../infra/vpc.entity.js';
import { VpcRepository } from '../infra/vpc.repository.js';
import { NetworkChanges } from './network-changes.js';
import { vpcRecord } from './network-records.js';
import { placedIn } from './placed.js';
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
    private readonly quotas: QuotaRepository,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  /** Tenants may overlap each other: a VPC is an address space of its own. */
  execute(ctx: OpContext, input: CreateVpc): Promise<PlacedVpc> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'network:write');
      const cidrs = [formatCidr(requireVpcCidr('/cidrBlock', input.cidrBlock, 4))];
      if (input.ipv6CidrBlock !== undefined)
        cidrs.push(formatCidr(requireVpcCidr('/ipv6CidrBlock', input.ipv6CidrBlock, 6)));
      await this.quotas.lock(tx, ctx.tenantId);
      await this.quotas.require(tx, ctx.tenantId, 'vpcs', await this.vpcs.count(tx, ctx.tenantId));
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
      const tags = input.tags ?? {};
      await this.vpcs.insert(tx, vpc, blocks);
      await this.tags.insert(tx, ctx.tenantId, vpc.id, tags);
      const after = vpcRecord(vpc, cidrs, tags);
      this.changes.record(tx, vpc, { action: 'vpc.created', type: 'vpc', id: vpc.id, version: 1, before: null, after });
      return { ...placedIn(vpc, vpc, tags), blocks };
    });
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
