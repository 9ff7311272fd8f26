import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import { type Page, type PageRequest, pageOfEntities, type Statement, type Tx, translating } from '#database';
import {
  ConflictError,
  NotFoundError,
  type OpContext,
  ReferenceNotFoundError,
  type TenantId,
  type VpcId,
} from '#kernel';
import { havingTags } from '#tenancy';
import { CidrBlockOverlapError } from '../domain/cidr-block.errors.js';
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
}

@Injectable()
export class VpcRepository {
  async insert(tx: Tx, vpc: VpcEntity, blocks: CidrBlockEntity[]): Promise<void> {
    await tx.manager.insert(VpcEntity, vpc);
    await this.insertBlocks(tx, blocks);
  }

  /** @throws CidrBlockOverlapError: also with a block that is still being removed */
  insertBlocks(tx: Tx, blocks: CidrBlockEntity[]): Promise<unknown> {
    const overlap = () => new CidrBlockOverlapError(blocks.map((block) => block.cidr).join(' or '));
    return translating({ vpc_cidr_block_no_overlap: overlap }, () => tx.manager.insert(CidrBlockEntity, blocks));
  }

  /** The block stays taken until the data plane has let go of it. */
  async removeBlock(tx: Tx, { tenantId, id }: CidrBlockEntity, generation: number): Promise<void> {
    await tx.manager.update(CidrBlockEntity, { tenantId, id }, { deleting: true, changedGeneration: generation });
  }

  /**
   * Locks the row and raises the generation: the first thing that any change in a VPC does, so that two changes of one VPC
   * wait for each other and never deadlock. The blocks are read by a statement of their own, sent with the first: one that
   * had begun before the wait would see them as they were before it. `pointer` is set when the id came in a body.
   * @throws NotFoundError, ReferenceNotFoundError, ConflictError while the VPC is being deleted
   */
  async lockForChange(tx: Tx, ctx: OpContext, id: VpcId, pointer?: string): Promise<LockedVpc> {
    return (await this.lockWith(tx, ctx, id, pointer, [])).vpc;
  }

  /** As `lockForChange`, with statements that are sent along and run under the lock: one round trip for all. */
  async lockWith(
    tx: Tx,
    ctx: OpContext,
    id: VpcId,
    pointer: string | undefined,
    statements: readonly Statement[],
  ): Promise<{ vpc: LockedVpc; rows: Record<string, unknown>[][] }> {
    const [locked = [], blocks = [], ...rows] = await tx.pipeline([
      {
        sql: `UPDATE vpc SET generation = generation + 1 WHERE tenant_id = $1 AND id = $2
              RETURNING generation, realized_generation, failure, deleting`,
        params: [ctx.tenantId, id],
      },
      {
        sql: 'SELECT cidr FROM vpc_cidr_block WHERE tenant_id = $1 AND vpc_id = $2 AND NOT deleting',
        params: [ctx.tenantId, id],
      },
      ...statements,
    ]);
    return { vpc: lockedVpc(ctx, id, pointer, locked as unknown as LockedRow[], blocks as { cidr: string }[]), rows };
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

  /** Counts the VPCs of a tenant, for its quota. */
  counting(tenantId: TenantId): Statement {
    return { sql: 'SELECT count(*) AS used FROM vpc WHERE tenant_id = $1', params: [tenantId] };
  }

  /** Counts the blocks of a VPC, for its quota. */
  countingBlocks(tenantId: TenantId, vpcId: VpcId): Statement {
    return {
      sql: 'SELECT count(*) AS used FROM vpc_cidr_block WHERE tenant_id = $1 AND vpc_id = $2',
      params: [tenantId, vpcId],
    };
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

function lockedVpc(
  ctx: OpContext,
  id: VpcId,
  pointer: string | undefined,
  locked: readonly LockedRow[],
  blocks: readonly { cidr: string }[],
): LockedVpc {
  const [row] = locked;
  if (!row) throw pointer === undefined ? new NotFoundError('vpc', id) : new ReferenceNotFoundError('vpc', id, pointer);
  if (row.deleting) throw new ConflictError('VpcDeleting', `vpc ${id} is being deleted; nothing in it can be changed.`);
  return {
    tenantId: ctx.tenantId,
    id,
    generation: Number(row.generation),
    realizedGeneration: Number(row.realized_generation),
    failure: row.failure,
    cidrs: blocks.map(({ cidr }) => cidr),
  };
}
