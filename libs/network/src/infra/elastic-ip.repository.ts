import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Statement, type Tx } from '#database';
import { type AddressPoolId, type ElasticIpId, NotFoundError, ReferenceNotFoundError, type TenantId } from '#kernel';
import { havingTags } from '#tenancy';
import { InsufficientAddressCapacityError } from '../domain/elastic-ip.errors.js';
import { ElasticIpEntity } from './elastic-ip.entity.js';

export interface ElasticIpFilter {
  address?: string;
  tag: readonly string[];
}

@Injectable()
export class ElasticIpRepository {
  /**
   * Takes the lowest free address of the operator's public pools for the tenant of the transaction. Pools are locked one
   * after the other, by ascending id. @throws InsufficientAddressCapacityError
   */
  async allocate(tx: Tx, plan: Omit<ElasticIpEntity, 'poolId' | 'address'>): Promise<ElasticIpEntity> {
    const [given] = await tx.query<{ pool_id: AddressPoolId; address: string }>(
      'SELECT pool_id, host(address) AS address FROM crosstenant.allocate_elastic_ip($1, $2, $3)',
      [plan.id, plan.name, plan.createdAt],
    );
    if (!given) throw new InsufficientAddressCapacityError();
    return Object.assign(new ElasticIpEntity(), plan, { poolId: given.pool_id, address: given.address });
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: ElasticIpId): Promise<ElasticIpEntity> {
    const elasticIp = await tx.manager.findOneBy(ElasticIpEntity, { tenantId, id });
    if (!elasticIp) throw new NotFoundError('elastic IP', id);
    return elasticIp;
  }

  /** The row, locked until the transaction ends. @throws NotFoundError */
  async lock(tx: Tx, tenantId: TenantId, id: ElasticIpId): Promise<ElasticIpEntity> {
    const elasticIp = await this.findLocked(tx, tenantId, id);
    if (!elasticIp) throw new NotFoundError('elastic IP', id);
    return elasticIp;
  }

  /** One that a body refers to, locked until the transaction ends. @throws ReferenceNotFoundError */
  async lockReferred(tx: Tx, tenantId: TenantId, id: ElasticIpId, pointer: string): Promise<ElasticIpEntity> {
    const elasticIp = await this.findLocked(tx, tenantId, id);
    if (!elasticIp) throw new ReferenceNotFoundError('elastic IP', id, pointer);
    return elasticIp;
  }

  async save(tx: Tx, { tenantId, id, name, deleting, version }: ElasticIpEntity): Promise<void> {
    await tx.manager.update(ElasticIpEntity, { tenantId, id }, { name, deleting, version });
  }

  async remove(tx: Tx, { tenantId, id }: ElasticIpEntity): Promise<void> {
    await tx.manager.delete(ElasticIpEntity, { tenantId, id });
  }

  /** Counts a tenant's addresses, for its quota; one that is still held somewhere counts. */
  counting(tenantId: TenantId): Statement {
    return { sql: 'SELECT count(*) AS used FROM elastic_ip WHERE tenant_id = $1', params: [tenantId] };
  }

  list(tx: Tx, tenantId: TenantId, page: PageRequest, filter: ElasticIpFilter): Promise<Page<ElasticIpEntity>> {
    const where = { tenantId, ...(filter.address ? { address: filter.address } : {}) };
    return pageOfEntities(tx, ElasticIpEntity, page, where, (query) => havingTags(query, filter.tag));
  }

  private findLocked(tx: Tx, tenantId: TenantId, id: ElasticIpId): Promise<ElasticIpEntity | null> {
    return tx.manager.findOne(ElasticIpEntity, { where: { tenantId, id }, lock: { mode: 'pessimistic_write' } });
  }
}
