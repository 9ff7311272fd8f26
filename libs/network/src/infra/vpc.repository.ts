import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import { type Page, type PageRequest, pageOfEntities, type Tx, translating } from '#database';
import {
  ConflictError,
  NotFoundError,
  type OpContext,
  ReferenceNotFoundError,
  type TenantId,
  type VpcId,
} from '#kernel';
import { havingTags } from '#tenancy';
import { CidrBlockEntity } from './cidr-block.entity.js';
import { VpcEntity } from './vpc.entity.js';

/** A VPC whose row is locked and whose generation was raised for the change that is under way, with its live blocks. */
export interface LockedVpc {
  tenantId: TenantId;
  id: VpcId;
  generation: number;
  realizedGeneration: number;
  failure: string | null;
  cidrs: string[];
}

interface LockedRow {
  generation: string;
  realized_generation: string;
  failure: string | null;
  deleting: boolean;
  cidrs: string[];
}

@Injectable()
export class VpcRepository {
  async insert(tx: Tx, vpc: VpcEntity, blocks: CidrBlockEntity[]): Promise<void> {
    await tx.manager.insert(VpcEntity, vpc);
    await this.insertBlocks(tx, blocks);
  }

  insertBlocks(tx: Tx, blocks: CidrBlockEntity[]): Promise<unknown> {
    const overlap = () =>
      new ConflictError('CidrBlockOverlap', 'The block overlaps another block of this VPC.', {
        errors: [
          {
            pointer: '/cidrBlock',
            rule: 'vpc.block-overlap',
            message: 'it overlaps another block of this VPC',
            fix: 'use a block that overlaps none of the VPC',
          },
        ],
      });
    return translating({ vpc_cidr_block_no_overlap: overlap }, () => tx.manager.insert(CidrBlockEntity, blocks));
  }

  /**
   * Locks the row and raises the generation in one statement: the first thing that any change in a VPC does, so that two
   * changes of one VPC wait for each other and never deadlock. `pointer` is set when the id came in a body.
   * @throws NotFoundError, ReferenceNotFoundError, ConflictError while the VPC is being deleted
   */
  async lockForChange(tx: Tx, ctx: OpContext, id: VpcId, pointer?: string): Promise<LockedVpc> {
    const [row] = await tx.query<LockedRow>(
      `WITH locked AS (
         UPDATE vpc SET generation = generation + 1 WHERE tenant_id = $1 AND id = $2
         RETURNING tenant_id, id, generation, realized_generation, failure, deleting
       )
       SELECT generation, realized_generation, failure, deleting,
              ARRAY(SELECT b.cidr::text FROM vpc_cidr_block b
                     WHERE b.tenant_id = locked.tenant_id AND b.vpc_id = locked.id AND NOT b.deleting) AS cidrs
         FROM locked`,
      [ctx.tenantId, id],
    );
    if (!row)
      throw pointer === undefined ? new NotFoundError('vpc', id) : new ReferenceNotFoundError('vpc', id, pointer);
    if (row.deleting)
      throw new ConflictError('VpcDeleting', `vpc ${id} is being deleted; nothing in it can be changed.`);
    return {
      tenantId: ctx.tenantId,
      id,
      generation: Number(row.generation),
      realizedGeneration: Number(row.realized_generation),
      failure: row.failure,
      cidrs: row.cidrs,
    };
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: VpcId): Promise<VpcEntity> {
    const vpc = await tx.manager.findOneBy(VpcEntity, { tenantId, id });
    if (!vpc) throw new NotFoundError('vpc', id);
    return vpc;
  }

  async save(tx: Tx, vpc: VpcEntity): Promise<void> {
    const { tenantId, id, name, changedGeneration, deleting, version } = vpc;
    await tx.manager.update(VpcEntity, { tenantId, id }, { name, changedGeneration, deleting, version });
  }

  count(tx: Tx, tenantId: TenantId): Promise<number> {
    return tx.manager.countBy(VpcEntity, { tenantId });
  }

  list(tx: Tx, tenantId: TenantId, page: PageRequest, tags: readonly string[]): Promise<Page<VpcEntity>> {
    return pageOfEntities(tx, VpcEntity, page, { tenantId }, (query) => havingTags(query, tags));
  }

  /** Several VPCs by id: for the state of what is in them. */
  async byIds(tx: Tx, tenantId: TenantId, ids: readonly VpcId[]): Promise<Map<VpcId, VpcEntity>> {
    const distinct = [...new Set(ids)];
    const vpcs = distinct.length === 0 ? [] : await tx.manager.findBy(VpcEntity, { tenantId, id: In(distinct) });
    return new Map(vpcs.map((vpc) => [vpc.id, vpc]));
  }

  async blocksOf(tx: Tx, tenantId: TenantId, vpcIds: readonly VpcId[]): Promise<Map<VpcId, CidrBlockEntity[]>> {
    const blocks = new Map<VpcId, CidrBlockEntity[]>(vpcIds.map((id) => [id, []]));
    if (vpcIds.length === 0) return blocks;
    const rows = await tx.manager.find(CidrBlockEntity, {
      where: { tenantId, vpcId: In([...vpcIds]) },
      order: { isPrimary: 'DESC', id: 'ASC' },
    });
    for (const row of rows) blocks.get(row.vpcId)?.push(row);
    return blocks;
  }
}
