import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { Clock, newId, type OpContext, type VpcId } from '#kernel';
import { QuotaRepository, TagRepository, type Tags } from '#tenancy';
import { SubnetOverlapError } from '../domain/subnet.errors.js';
import { freeBlockFix, requireSubnetFits } from '../domain/subnet.js';
import { SubnetEntity } from '../infra/subnet.entity.js';
import { SubnetRepository } from '../infra/subnet.repository.js';
import { VpcRepository } from '../infra/vpc.repository.js';
import { NetworkChanges } from './network-changes.js';
import { subnetRecord } from './network-records.js';
import { type Placed, placedIn } from './placed.js';
import { Zones } from './zones.js';

export interface CreateSubnet {
  vpcId: VpcId;
  cidrBlock: string;
  ipv6CidrBlock?: string;
  zone: string;
  name?: string;
  tags?: Tags;
}

const SUBNETS = 'subnets-per-vpc';

@Injectable()
export class CreateSubnetService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly vpcs: VpcRepository,
    private readonly subnets: SubnetRepository,
    private readonly quotas: QuotaRepository,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
    private readonly zones: Zones,
  ) {}

  /**
   * Adds a subnet to a VPC. Overlap is refused by the database; the VPC's row is locked first so that two callers never
   * deadlock. @throws SubnetOverlapError, which names the lowest free block
   */
  async execute(ctx: OpContext, input: CreateSubnet): Promise<Placed<SubnetEntity>> {
    try {
      return await this.create(ctx, input);
    } catch (error) {
      if (error instanceof SubnetOverlapError) throw error.withFix(await this.freeBlockFix(ctx, input, error));
      throw error;
    }
  }

  private create(ctx: OpContext, input: CreateSubnet): Promise<Placed<SubnetEntity>> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'network:write');
      const room = this.quotas.room(ctx.tenantId, SUBNETS, this.subnets.counting(ctx.tenantId, input.vpcId));
      const { vpc, rows } = await this.vpcs.lockWith(tx, ctx, input.vpcId, '/vpcId', room);
      requireSubnetFits(input, vpc.cidrs, this.zones.names);
      this.quotas.requireRoomIn(SUBNETS, rows);
      const now = this.clock.now();
      const subnet = Object.assign(new SubnetEntity(), {
        tenantId: ctx.tenantId,
        id: newId('subnet', now.getTime()),
        vpcId: vpc.id,
        name: input.name ?? null,
        zone: input.zone,
        cidr: input.cidrBlock,
        ipv6Cidr: input.ipv6CidrBlock ?? null,
        changedGeneration: vpc.generation,
        deleting: false,
        version: 1,
        createdAt: now,
      });
      const tags = input.tags ?? {};
      this.subnets.insert(tx, subnet);
      await this.tags.insert(tx, ctx.tenantId, subnet.id, tags);
      this.changes.record(tx, vpc, {
        action: 'subnet.created',
        type: 'subnet',
        id: subnet.id,
        version: 1,
        before: null,
        after: subnetRecord(subnet, tags),
      });
      return placedIn(vpc, subnet, tags);
    });
  }

  /** Read anew: the refused transaction can say nothing any more. */
  private freeBlockFix(ctx: OpContext, { vpcId }: CreateSubnet, { cidr }: SubnetOverlapError): Promise<string> {
    return this.uow.read(ctx, async (tx) => {
      const blocks = (await this.vpcs.blocksOf(tx, ctx.tenantId, [vpcId])).get(vpcId) ?? [];
      const live = blocks.filter((block) => !block.deleting).map((block) => block.cidr);
      const taken = (await this.subnets.blocksIn(tx, ctx.tenantId, vpcId)).flatMap((subnet) => subnet.cidrs);
      return freeBlockFix(cidr, live, taken);
    });
  }
}
