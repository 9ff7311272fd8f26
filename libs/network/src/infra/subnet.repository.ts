import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Statement, type Tx, translation } from '#database';
import { NotFoundError, ReferenceNotFoundError, type SubnetId, type TenantId, type VpcId } from '#kernel';
import { havingTags } from '#tenancy';
import { SubnetOverlapError } from '../domain/subnet.errors.js';
import { SubnetEntity } from './subnet.entity.js';

export interface SubnetFilter {
  vpcId?: VpcId;
  zone?: string;
  tag: readonly string[];
}

export interface SubnetBlocks {
  id: SubnetId;
  /** Its blocks are still taken. */
  deleting: boolean;
  cidrs: string[];
}

@Injectable()
export class SubnetRepository {
  /** Goes out with the commit: the database refuses overlap, whoever else inserts at the same time (SubnetOverlapError). */
  insert(tx: Tx, subnet: SubnetEntity): void {
    tx.defer({
      sql: `INSERT INTO subnet (tenant_id, id, vpc_id, name, zone, cidr, ipv6_cidr, changed_generation, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      params: [
        subnet.tenantId,
        subnet.id,
        subnet.vpcId,
        subnet.name,
        subnet.zone,
        subnet.cidr,
        subnet.ipv6Cidr,
        subnet.changedGeneration,
        subnet.createdAt,
      ],
      translate: translation({
        subnet_no_overlap: () => new SubnetOverlapError('/cidrBlock', subnet.cidr),
        subnet_no_overlap_ipv6: () => new SubnetOverlapError('/ipv6CidrBlock', subnet.ipv6Cidr ?? ''),
      }),
    });
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: SubnetId): Promise<SubnetEntity> {
    const subnet = await tx.manager.findOneBy(SubnetEntity, { tenantId, id });
    if (!subnet) throw new NotFoundError('subnet', id);
    return subnet;
  }

  async save(tx: Tx, subnet: SubnetEntity): Promise<void> {
    const { tenantId, id, name, changedGeneration, deleting, version } = subnet;
    await tx.manager.update(SubnetEntity, { tenantId, id }, { name, changedGeneration, deleting, version });
  }

  /** Counts the subnets of a VPC, for its quota. */
  counting(tenantId: TenantId, vpcId: VpcId): Statement {
    return {
      sql: 'SELECT count(*) AS used FROM subnet WHERE tenant_id = $1 AND vpc_id = $2',
      params: [tenantId, vpcId],
    };
  }

  /** A subnet that a body refers to. @throws ReferenceNotFoundError */
  async referred(tx: Tx, tenantId: TenantId, id: SubnetId, pointer: string): Promise<SubnetEntity> {
    const subnet = await tx.manager.findOneBy(SubnetEntity, { tenantId, id });
    if (!subnet) throw new ReferenceNotFoundError('subnet', id, pointer);
    return subnet;
  }

  /** The subnets of a VPC with their blocks, of both versions. */
  async blocksIn(tx: Tx, tenantId: TenantId, vpcId: VpcId): Promise<SubnetBlocks[]> {
    const rows = await tx.manager.find(SubnetEntity, {
      where: { tenantId, vpcId },
      select: { id: true, cidr: true, ipv6Cidr: true, deleting: true },
      order: { id: 'ASC' },
    });
    return rows.map(({ id, cidr, ipv6Cidr, deleting }) => ({
      id,
      deleting,
      cidrs: ipv6Cidr === null ? [cidr] : [cidr, ipv6Cidr],
    }));
  }

  list(tx: Tx, tenantId: TenantId, page: PageRequest, filter: SubnetFilter): Promise<Page<SubnetEntity>> {
    const where = {
      tenantId,
      ...(filter.vpcId ? { vpcId: filter.vpcId } : {}),
      ...(filter.zone ? { zone: filter.zone } : {}),
    };
    return pageOfEntities(tx, SubnetEntity, page, where, (query) => havingTags(query, filter.tag));
  }
}
