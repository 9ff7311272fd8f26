import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Tx, translating } from '#database';
import { ConflictError, NotFoundError, SYSTEM_TENANT_ID, type TenantId } from '#kernel';
import { TenantEntity } from './tenant.entity.js';

const nameTaken = () =>
  new ConflictError('TenantNameTaken', 'Another tenant has this name.', {
    errors: [
      {
        pointer: '/name',
        rule: 'tenant.name-unique',
        message: 'another tenant has this name',
        fix: 'choose another name',
      },
    ],
  });

@Injectable()
export class TenantRepository {
  insert(tx: Tx, tenant: TenantEntity): Promise<unknown> {
    return translating({ tenant_name_unique: nameTaken }, () => tx.manager.insert(TenantEntity, tenant));
  }

  /** @throws NotFoundError */
  async get(tx: Tx, id: TenantId): Promise<TenantEntity> {
    const tenant = await tx.manager.findOneBy(TenantEntity, { id, deleted: false });
    if (!tenant) throw new NotFoundError('tenant', id);
    return tenant;
  }

  /** The row, locked until the transaction ends. The operator's own tenant is not one to manage. @throws NotFoundError */
  async lock(tx: Tx, id: TenantId): Promise<TenantEntity> {
    const tenant =
      id === SYSTEM_TENANT_ID
        ? null
        : await tx.manager.findOne(TenantEntity, {
            where: { id, deleted: false },
            lock: { mode: 'pessimistic_write' },
          });
    if (!tenant) throw new NotFoundError('tenant', id);
    return tenant;
  }

  async save(tx: Tx, tenant: TenantEntity): Promise<void> {
    const { id, ...columns } = tenant;
    await translating({ tenant_name_unique: nameTaken }, () => tx.manager.update(TenantEntity, { id }, columns));
  }

  list(tx: Tx, page: PageRequest): Promise<Page<TenantEntity>> {
    return pageOfEntities(tx, TenantEntity, page, { deleted: false }, (query) =>
      query.andWhere('r.id <> :system', { system: SYSTEM_TENANT_ID }),
    );
  }
}
