import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import type { Tx } from '#database';
import { type JsonValue, type OpContext, type RouteTableId, requireMatch, type VpcId } from '#kernel';
import { TagRepository, type Tags } from '#tenancy';
import type { CidrBlockEntity } from '../infra/cidr-block.entity.js';
import { RouteTableRepository } from '../infra/route-table.repository.js';
import type { VpcEntity } from '../infra/vpc.entity.js';
import { VpcRepository } from '../infra/vpc.repository.js';
import { NetworkChanges } from './network-changes.js';
import { vpcRecord } from './network-records.js';
import { placedIn } from './placed.js';
import type { PlacedVpc } from './vpc.queries.js';

/** A VPC with what its reply and its ledger entry show. */
export interface VpcParts {
  vpc: VpcEntity;
  blocks: CidrBlockEntity[];
  mainRouteTableId: RouteTableId;
  tags: Tags;
}

/** A VPC that is locked and about to be changed. */
export interface OpenVpc extends VpcParts {
  /** Its live blocks, in text. */
  cidrs: string[];
  before: JsonValue;
}

/** The frame of every change of a VPC itself: lock, check the version, change, save, record. */
@Injectable()
export class VpcEditor {
  constructor(
    private readonly vpcs: VpcRepository,
    private readonly routeTables: RouteTableRepository,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  /** @throws NotFoundError, ConflictError while it is being deleted, DomainError `VersionMismatch` */
  async open(tx: Tx, ctx: OpContext, id: VpcId): Promise<OpenVpc> {
    requirePermission(ctx, 'network:write');
    const locked = await this.vpcs.lockForChange(tx, ctx, id);
    const parts = await this.read(tx, ctx, id);
    requireMatch(ctx, parts.vpc);
    parts.vpc.changedGeneration = locked.generation;
    return { ...parts, cidrs: locked.cidrs, before: vpcRecord(parts) };
  }

  /** Saves what the caller changed in `open` and records it. Rows of its own (blocks, tags) the caller has written. */
  async close(tx: Tx, ctx: OpContext, open: OpenVpc, action: string): Promise<PlacedVpc> {
    open.vpc.version += 1;
    await this.vpcs.save(tx, open.vpc);
    const { vpc, blocks, mainRouteTableId, tags } = await this.read(tx, ctx, open.vpc.id);
    this.changes.record(tx, vpc, {
      action,
      type: 'vpc',
      id: vpc.id,
      version: vpc.version,
      before: open.before,
      after: vpc.deleting ? null : vpcRecord({ vpc, blocks, mainRouteTableId, tags }),
    });
    return { ...placedIn(vpc, vpc, tags), blocks, mainRouteTableId };
  }

  private async read(tx: Tx, ctx: OpContext, id: VpcId): Promise<VpcParts> {
    const vpc = await this.vpcs.get(tx, ctx.tenantId, id);
    const blocks = (await this.vpcs.blocksOf(tx, ctx.tenantId, [id])).get(id) ?? [];
    const main = (await this.routeTables.mainOf(tx, ctx.tenantId, [id])).get(id);
    if (!main) throw new Error(`vpc ${id} has no main route table`);
    const tags = (await this.tags.of(tx, ctx.tenantId, [id])).get(id) ?? {};
    return { vpc, blocks, mainRouteTableId: main.id, tags };
  }
}
