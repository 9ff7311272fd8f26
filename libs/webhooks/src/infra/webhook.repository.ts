import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Statement, type Tx } from '#database';
import { NotFoundError, type TenantId, type WebhookId } from '#kernel';
import { WebhookEntity } from './webhook.entity.js';

@Injectable()
export class WebhookRepository {
  async insert(tx: Tx, webhook: WebhookEntity): Promise<void> {
    await tx.manager.insert(WebhookEntity, webhook);
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: WebhookId): Promise<WebhookEntity> {
    const webhook = await tx.manager.findOneBy(WebhookEntity, { tenantId, id });
    if (!webhook) throw new NotFoundError('webhook', id);
    return webhook;
  }

  /** The row, locked until the transaction ends, and with it all that is known of its deliveries. @throws NotFoundError */
  async lock(tx: Tx, tenantId: TenantId, id: WebhookId): Promise<WebhookEntity> {
    const webhook = await this.find(tx, tenantId, id);
    if (!webhook) throw new NotFoundError('webhook', id);
    return webhook;
  }

  /** As `lock`; null for one that was deleted. */
  find(tx: Tx, tenantId: TenantId, id: WebhookId): Promise<WebhookEntity | null> {
    return tx.manager.findOne(WebhookEntity, { where: { tenantId, id }, lock: { mode: 'pessimistic_write' } });
  }

  async save(tx: Tx, webhook: WebhookEntity): Promise<void> {
    const { id, tenantId, ...columns } = webhook;
    await tx.manager.update(WebhookEntity, { id, tenantId }, columns);
  }

  async delete(tx: Tx, { tenantId, id }: WebhookEntity): Promise<void> {
    await tx.manager.delete(WebhookEntity, { tenantId, id });
  }

  list(tx: Tx, tenantId: TenantId, page: PageRequest): Promise<Page<WebhookEntity>> {
    return pageOfEntities(tx, WebhookEntity, page, { tenantId });
  }

  async ids(tx: Tx, tenantId: TenantId): Promise<WebhookId[]> {
    const rows = await tx.query<{ id: WebhookId }>('SELECT id FROM webhook WHERE tenant_id = $1 ORDER BY id', [
      tenantId,
    ]);
    return rows.map(({ id }) => id);
  }

  counting(tenantId: TenantId): Statement {
    return { sql: 'SELECT count(*)::int AS used FROM webhook WHERE tenant_id = $1', params: [tenantId] };
  }
}
