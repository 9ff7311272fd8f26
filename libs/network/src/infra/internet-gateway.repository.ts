import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Statement, type Tx, translating } from '#database';
import { type InternetGatewayId, NotFoundError, type TenantId, type VpcId } from '#kernel';
import { havingTags } from '#tenancy';
import { VpcHasInternetGatewayError } from '../domain/internet-gateway.errors.js';
import { InternetGatewayEntity } from './internet-gateway.entity.js';

export interface InternetGatewayFilter {
  vpcId?: VpcId;
  tag: readonly string[];
}

@Injectable()
export class InternetGatewayRepository {
  /** @throws VpcHasInternetGatewayError */
  async insert(tx: Tx, gateway: InternetGatewayEntity): Promise<void> {
    await oneAVpc(gateway, () => tx.manager.insert(InternetGatewayEntity, gateway));
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: InternetGatewayId): Promise<InternetGatewayEntity> {
    const gateway = await tx.manager.findOneBy(InternetGatewayEntity, { tenantId, id });
    if (!gateway) throw new NotFoundError('internet gateway', id);
    return gateway;
  }

  /** The row, locked until the transaction ends; after its VPC, where there is one. @throws NotFoundError */
  async lock(tx: Tx, tenantId: TenantId, id: InternetGatewayId): Promise<InternetGatewayEntity> {
    const gateway = await tx.manager.findOne(InternetGatewayEntity, {
      where: { tenantId, id },
      lock: { mode: 'pessimistic_write' },
    });
    if (!gateway) throw new NotFoundError('internet gateway', id);
    return gateway;
  }

  /** The one that serves the VPC now. */
  attachedTo(tx: Tx, tenantId: TenantId, vpcId: VpcId): Promise<InternetGatewayEntity | null> {
    return tx.manager.findOneBy(InternetGatewayEntity, { tenantId, vpcId, detaching: false });
  }

  /** @throws VpcHasInternetGatewayError */
  async save(tx: Tx, gateway: InternetGatewayEntity): Promise<void> {
    const { tenantId, id, createdAt: _created, ...columns } = gateway;
    await oneAVpc(gateway, () => tx.manager.update(InternetGatewayEntity, { tenantId, id }, columns));
  }

  async remove(tx: Tx, { tenantId, id }: InternetGatewayEntity): Promise<void> {
    await tx.manager.delete(InternetGatewayEntity, { tenantId, id });
  }

  /** Counts a tenant's gateways, for its quota. */
  counting(tenantId: TenantId): Statement {
    return { sql: 'SELECT count(*) AS used FROM internet_gateway WHERE tenant_id = $1', params: [tenantId] };
  }

  list(
    tx: Tx,
    tenantId: TenantId,
    page: PageRequest,
    filter: InternetGatewayFilter,
  ): Promise<Page<InternetGatewayEntity>> {
    const where = { tenantId, ...(filter.vpcId ? { vpcId: filter.vpcId, detaching: false } : {}) };
    return pageOfEntities(tx, InternetGatewayEntity, page, where, (query) => havingTags(query, filter.tag));
  }
}

function oneAVpc<T>({ vpcId }: InternetGatewayEntity, statement: () => Promise<T>): Promise<T> {
  return translating({ internet_gateway_one_a_vpc: () => new VpcHasInternetGatewayError(vpcId ?? '') }, statement);
}
