import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import { type Page, type PageRequest, pageOfEntities, type Statement, type Tx } from '#database';
import { NotFoundError, ReferenceNotFoundError, type RouteTableId, type TenantId, type VpcId } from '#kernel';
import { havingTags } from '#tenancy';
import { RouteTableEntity } from './route-table.entity.js';

export interface RouteTableFilter {
  vpcId?: VpcId;
  main?: boolean;
  tag: readonly string[];
}

@Injectable()
export class RouteTableRepository {
  async insert(tx: Tx, table: RouteTableEntity): Promise<void> {
    await tx.manager.insert(RouteTableEntity, table);
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: RouteTableId): Promise<RouteTableEntity> {
    const table = await tx.manager.findOneBy(RouteTableEntity, { tenantId, id });
    if (!table) throw new NotFoundError('route table', id);
    return table;
  }

  /** A table that a body refers to. @throws ReferenceNotFoundError */
  async referred(tx: Tx, tenantId: TenantId, id: RouteTableId, pointer: string): Promise<RouteTableEntity> {
    const table = await tx.manager.findOneBy(RouteTableEntity, { tenantId, id });
    if (!table) throw new ReferenceNotFoundError('route table', id, pointer);
    return table;
  }

  /** Of two tables that change places as the main one, the one that stops being it is saved first. */
  async save(tx: Tx, table: RouteTableEntity): Promise<void> {
    const { tenantId, id, name, isMain, changedGeneration, deleting, version } = table;
    await tx.manager.update(RouteTableEntity, { tenantId, id }, { name, isMain, changedGeneration, deleting, version });
  }

  /** Counts the tables of a VPC, for its quota. */
  counting(tenantId: TenantId, vpcId: VpcId): Statement {
    return {
      sql: 'SELECT count(*) AS used FROM route_table WHERE tenant_id = $1 AND vpc_id = $2',
      params: [tenantId, vpcId],
    };
  }

  async mainOf(tx: Tx, tenantId: TenantId, vpcIds: readonly VpcId[]): Promise<Map<VpcId, RouteTableEntity>> {
    if (vpcIds.length === 0) return new Map();
    const tables = await tx.manager.findBy(RouteTableEntity, { tenantId, vpcId: In([...vpcIds]), isMain: true });
    return new Map(tables.map((table) => [table.vpcId, table]));
  }

  list(tx: Tx, tenantId: TenantId, page: PageRequest, filter: RouteTableFilter): Promise<Page<RouteTableEntity>> {
    const where = {
      tenantId,
      ...(filter.vpcId ? { vpcId: filter.vpcId } : {}),
      ...(filter.main === undefined ? {} : { isMain: filter.main }),
    };
    return pageOfEntities(tx, RouteTableEntity, page, where, (query) => havingTags(query, filter.tag));
  }
}
