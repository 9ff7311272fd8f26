import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import type { Tx } from '#database';
import { ConflictError, type OpContext, type RouteTableId, requireMatch } from '#kernel';
import type { RouteTableEntity } from '../infra/route-table.entity.js';
import { RouteTableRepository } from '../infra/route-table.repository.js';
import { type LockedVpc, VpcRepository } from '../infra/vpc.repository.js';

/** A route table whose VPC is locked, at its new version; `save` writes it. */
export interface OpenRouteTable {
  vpc: LockedVpc;
  table: RouteTableEntity;
}

/** The frame of every change of a route table and what belongs to it. */
@Injectable()
export class RouteTableEditor {
  constructor(
    private readonly vpcs: VpcRepository,
    private readonly routeTables: RouteTableRepository,
  ) {}

  /** @throws NotFoundError, ConflictError while it or its VPC is being deleted, DomainError `VersionMismatch` */
  async open(tx: Tx, ctx: OpContext, id: RouteTableId): Promise<OpenRouteTable> {
    requirePermission(ctx, 'network:write');
    const { vpcId } = await this.routeTables.get(tx, ctx.tenantId, id);
    const vpc = await this.vpcs.lockForChange(tx, ctx, vpcId);
    const table = await this.routeTables.get(tx, ctx.tenantId, id);
    if (table.deleting) throw new ConflictError('Deleting', `route table ${id} is being deleted.`);
    requireMatch(ctx, table);
    this.raise(vpc, table);
    return { vpc, table };
  }

  /** Counts a change of what belongs to the table as one of the table, and saves it. */
  async touch(tx: Tx, vpc: LockedVpc, table: RouteTableEntity): Promise<void> {
    this.raise(vpc, table);
    await this.routeTables.save(tx, table);
  }

  save(tx: Tx, table: RouteTableEntity): Promise<void> {
    return this.routeTables.save(tx, table);
  }

  private raise(vpc: LockedVpc, table: RouteTableEntity): void {
    table.changedGeneration = vpc.generation;
    table.version += 1;
  }
}
