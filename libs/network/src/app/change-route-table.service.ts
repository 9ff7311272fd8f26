import { Injectable } from '@nestjs/common';
import { type Tx, UnitOfWork } from '#database';
import { type Blocker, DependencyViolationError, type OpContext, type RouteTableId } from '#kernel';
import { TagRepository, type Tags } from '#tenancy';
import type { RouteTableEntity } from '../infra/route-table.entity.js';
import { RouteTableAssociationRepository } from '../infra/route-table-association.repository.js';
import { NetworkChanges } from './network-changes.js';
import { routeTableRecord } from './network-records.js';
import { type DetailedRouteTable, RouteTableDetails } from './route-table-details.js';
import { RouteTableEditor } from './route-table-editor.js';

export interface UpdateRouteTable {
  name?: string | null;
  tags?: Tags;
}

/** Renames, tags and deletes route tables. */
@Injectable()
export class ChangeRouteTableService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly editor: RouteTableEditor,
    private readonly associations: RouteTableAssociationRepository,
    private readonly details: RouteTableDetails,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  update(ctx: OpContext, id: RouteTableId, input: UpdateRouteTable): Promise<DetailedRouteTable> {
    return this.uow.run(ctx, async (tx) => {
      const { vpc, table } = await this.editor.open(tx, ctx, id);
      const tags = await this.tagsOf(tx, ctx, id);
      const before = routeTableRecord(table, tags);
      if (input.name !== undefined) table.name = input.name;
      await this.editor.save(tx, table);
      if (input.tags) await this.tags.replace(tx, ctx.tenantId, id, input.tags);
      const after = routeTableRecord(table, input.tags ?? tags);
      const change = { action: 'route-table.updated', type: 'route-table', id, version: table.version };
      this.changes.record(tx, vpc, { ...change, before, after });
      return this.details.one(tx, ctx, table);
    });
  }

  /** Its routes and propagations go with it. @throws DependencyViolationError for the main table and one with associations */
  delete(ctx: OpContext, id: RouteTableId): Promise<DetailedRouteTable> {
    return this.uow.run(ctx, async (tx) => {
      const { vpc, table } = await this.editor.open(tx, ctx, id);
      const blockers = await this.blockers(tx, ctx, table);
      if (blockers.length > 0) throw new DependencyViolationError('route table', id, blockers);
      table.deleting = true;
      await this.editor.save(tx, table);
      const before = routeTableRecord(table, await this.tagsOf(tx, ctx, id));
      const change = { action: 'route-table.deleted', type: 'route-table', id, version: table.version };
      this.changes.record(tx, vpc, { ...change, before, after: null });
      return this.details.one(tx, ctx, table);
    });
  }

  private async blockers(tx: Tx, ctx: OpContext, { id, vpcId, isMain }: RouteTableEntity): Promise<Blocker[]> {
    const associations = (await this.associations.ofTables(tx, ctx.tenantId, [id])).get(id) ?? [];
    const blockers = associations.map((association) => ({
      id: association.id,
      kind: 'route-table-association',
      fix: `DELETE /v1/route-table-associations/${association.id}`,
    }));
    if (!isMain) return blockers;
    const fix = `make another table the main one with PUT /v1/vpcs/${vpcId}/main-route-table, or delete the VPC`;
    return [...blockers, { id: vpcId, kind: 'vpc', fix }];
  }

  private async tagsOf(tx: Tx, ctx: OpContext, id: RouteTableId): Promise<Tags> {
    return (await this.tags.of(tx, ctx.tenantId, [id])).get(id) ?? {};
  }
}
