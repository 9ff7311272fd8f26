import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, type Tx, UnitOfWork } from '#database';
import type { OpContext, WebhookId } from '#kernel';
import { type Delivery, DeliveryRepository } from '../infra/delivery.repository.js';
import { type Progress, ProgressRepository } from '../infra/progress.repository.js';
import type { WebhookEntity } from '../infra/webhook.entity.js';
import { WebhookRepository } from '../infra/webhook.repository.js';

/** A webhook and how far it has come. */
export interface WebhookDetails {
  webhook: WebhookEntity;
  progress: Progress;
}

@Injectable()
export class WebhookQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly webhooks: WebhookRepository,
    private readonly progress: ProgressRepository,
    private readonly deliveries: DeliveryRepository,
  ) {}

  /** @throws NotFoundError */
  get(ctx: OpContext, id: WebhookId): Promise<WebhookDetails> {
    return this.read(ctx, async (tx) => {
      const webhook = await this.webhooks.get(tx, ctx.tenantId, id);
      return { webhook, progress: await this.progress.get(tx, { tenantId: ctx.tenantId, webhookId: id }) };
    });
  }

  list(ctx: OpContext, page: PageRequest): Promise<Page<WebhookDetails>> {
    return this.read(ctx, async (tx) => {
      const { items, nextCursor } = await this.webhooks.list(tx, ctx.tenantId, page);
      const known = await this.progress.of(
        tx,
        ctx.tenantId,
        items.map(({ id }) => id),
      );
      return {
        items: items.flatMap((webhook) => {
          const progress = known.get(webhook.id);
          return progress ? [{ webhook, progress }] : [];
        }),
        nextCursor,
      };
    });
  }

  /** The last attempts, the newest first. @throws NotFoundError */
  deliveriesOf(ctx: OpContext, id: WebhookId, page: PageRequest): Promise<Page<Delivery>> {
    return this.read(ctx, async (tx) => {
      await this.webhooks.get(tx, ctx.tenantId, id);
      return this.deliveries.page(tx, { tenantId: ctx.tenantId, webhookId: id }, page);
    });
  }

  private read<T>(ctx: OpContext, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'webhook:read');
      return work(tx);
    });
  }
}
