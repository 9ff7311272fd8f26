import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Tx } from '#database';
import { type ApiKeyId, NotFoundError, type TenantId, type UserId } from '#kernel';
import { ApiKeyEntity } from './api-key.entity.js';

@Injectable()
export class ApiKeyRepository {
  insert(tx: Tx, key: ApiKeyEntity): Promise<unknown> {
    return tx.manager.insert(ApiKeyEntity, key);
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: ApiKeyId): Promise<ApiKeyEntity> {
    const key = await tx.manager.findOneBy(ApiKeyEntity, { tenantId, id });
    if (!key) throw new NotFoundError('API key', id);
    return key;
  }

  /** @throws NotFoundError */
  async lock(tx: Tx, tenantId: TenantId, id: ApiKeyId): Promise<ApiKeyEntity> {
    const key = await tx.manager.findOne(ApiKeyEntity, {
      where: { tenantId, id },
      lock: { mode: 'pessimistic_write' },
    });
    if (!key) throw new NotFoundError('API key', id);
    return key;
  }

  async save(tx: Tx, key: ApiKeyEntity): Promise<void> {
    const { id, tenantId, ...columns } = key;
    await tx.manager.update(ApiKeyEntity, { id, tenantId }, columns);
  }

  count(tx: Tx, tenantId: TenantId): Promise<number> {
    return tx.manager.countBy(ApiKeyEntity, { tenantId });
  }

  async idsOfUser(tx: Tx, tenantId: TenantId, userId: UserId): Promise<ApiKeyId[]> {
    const keys = await tx.manager.find(ApiKeyEntity, {
      where: { tenantId, userId },
      select: { id: true, revokedAt: true },
      order: { id: 'ASC' },
    });
    return keys.filter((key) => key.revokedAt === null).map((key) => key.id);
  }

  async deleteOfUser(tx: Tx, tenantId: TenantId, userId: UserId): Promise<void> {
    await tx.manager.delete(ApiKeyEntity, { tenantId, userId });
  }

  async deleteAll(tx: Tx, tenantId: TenantId): Promise<void> {
    await tx.manager.delete(ApiKeyEntity, { tenantId });
  }

  list(tx: Tx, tenantId: TenantId, page: PageRequest): Promise<Page<ApiKeyEntity>> {
    return pageOfEntities(tx, ApiKeyEntity, page, { tenantId });
  }
}
