import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Tx } from '#database';
import { type CustomerGatewayId, NotFoundError, ReferenceNotFoundError, type TenantId } from '#kernel';
import { havingTags } from '#tenancy';
import { CustomerGatewayEntity } from './customer-gateway.entity.js';

@Injectable()
export class CustomerGatewayRepository {
  async insert(tx: Tx, gateway: CustomerGatewayEntity): Promise<void> {
    await tx.manager.insert(CustomerGatewayEntity, gateway);
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: CustomerGatewayId): Promise<CustomerGatewayEntity> {
    const gateway = await tx.manager.findOneBy(CustomerGatewayEntity, { tenantId, id });
    if (!gateway) throw new NotFoundError('customer gateway', id);
    return gateway;
  }

  /** The row, locked until the transaction ends. @throws NotFoundError */
  async lock(tx: Tx, tenantId: TenantId, id: CustomerGatewayId): Promise<CustomerGatewayEntity> {
    const where = { tenantId, id };
    const gateway = await tx.manager.findOne(CustomerGatewayEntity, { where, lock: { mode: 'pessimistic_write' } });
    if (!gateway) throw new NotFoundError('customer gateway', id);
    return gateway;
  }

  /**
   * For what is about to refer to it: the row cannot be deleted, or marked so, until the transaction ends.
   * @throws ReferenceNotFoundError of the field at `pointer`
   */
  async reference(tx: Tx, tenantId: TenantId, id: CustomerGatewayId, pointer: string): Promise<CustomerGatewayEntity> {
    const where = { tenantId, id };
    const gateway = await tx.manager.findOne(CustomerGatewayEntity, { where, lock: { mode: 'pessimistic_read' } });
    if (!gateway) throw new ReferenceNotFoundError('customer gateway', id, pointer);
    return gateway;
  }

  async save(tx: Tx, gateway: CustomerGatewayEntity): Promise<void> {
    const { tenantId, id, name, deleting, version } = gateway;
    await tx.manager.update(CustomerGatewayEntity, { tenantId, id }, { name, deleting, version });
  }

  async delete(tx: Tx, { tenantId, id }: CustomerGatewayEntity): Promise<void> {
    await tx.manager.delete(CustomerGatewayEntity, { tenantId, id });
  }

  count(tx: Tx, tenantId: TenantId): Promise<number> {
    return tx.manager.countBy(CustomerGatewayEntity, { tenantId });
  }

  list(tx: Tx, tenantId: TenantId, page: PageRequest, tags: readonly string[]): Promise<Page<CustomerGatewayEntity>> {
    return pageOfEntities(tx, CustomerGatewayEntity, page, { tenantId }, (query) => havingTags(query, tags));
  }
}
