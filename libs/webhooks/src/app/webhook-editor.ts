import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { type JsonValue, type OpContext, requireMatch, type WebhookId } from '#kernel';
import { LedgerWriter } from '#ledger';
import { ProgressRepository } from '../infra/progress.repository.js';
import type { WebhookEntity } from '../infra/webhook.entity.js';
import { WebhookRepository } from '../infra/webhook.repository.js';
import type { WebhookDetails } from './webhook.queries.js';
import { webhookRecord } from './webhook-records.js';

/** What was done to a webhook under its lock: under which action it is recorded, and what else its reply shows. */
export interface Edited<Shown extends object> {
  action: string;
  shown: Shown;
}

/** What was asked of a webhook, which stays as it is: what the entry says of that. */
export interface Used<Shown extends object> extends Edited<Shown> {
  noted: JsonValue;
}

/** The frame of every change of a webhook that is there: lock, check, change, raise the version, record. */
@Injectable()
export class WebhookEditor {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly webhooks: WebhookRepository,
    private readonly progress: ProgressRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  /** @throws NotFoundError, ForbiddenError; DomainError `VersionMismatch` */
  change<Shown extends object>(
    ctx: OpContext,
    id: WebhookId,
    edit: (tx: Tx, webhook: WebhookEntity) => Promise<Edited<Shown>>,
  ): Promise<WebhookDetails & Shown> {
    return this.within(ctx, id, async (tx, webhook) => {
      const before = webhookRecord(webhook);
      const { action, shown } = await edit(tx, webhook);
      webhook.version += 1;
      await this.webhooks.save(tx, webhook);
      this.record(tx, webhook, { action, before, after: webhookRecord(webhook) });
      return { ...(await this.details(tx, webhook)), ...shown };
    });
  }

  /** For what is asked of a webhook and leaves it as it is. */
  use<Shown extends object>(
    ctx: OpContext,
    id: WebhookId,
    work: (tx: Tx, webhook: WebhookEntity) => Promise<Used<Shown>>,
  ): Promise<WebhookDetails & Shown> {
    return this.within(ctx, id, async (tx, webhook) => {
      const { action, noted, shown } = await work(tx, webhook);
      this.ledger.append(tx, {
        class: 'audit',
        action,
        resource: { type: 'webhook', id, version: webhook.version },
        before: null,
        after: noted,
      });
      return { ...(await this.details(tx, webhook)), ...shown };
    });
  }

  remove(ctx: OpContext, id: WebhookId): Promise<WebhookDetails> {
    return this.within(ctx, id, async (tx, webhook) => {
      const details = await this.details(tx, webhook);
      await this.webhooks.delete(tx, webhook);
      webhook.version += 1;
      this.record(tx, webhook, { action: 'webhook.deleted', before: webhookRecord(webhook), after: null });
      return details;
    });
  }

  private within<T>(ctx: OpContext, id: WebhookId, work: (tx: Tx, webhook: WebhookEntity) => Promise<T>): Promise<T> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'webhook:write');
      requirePermission(ctx, 'ledger:read');
      const webhook = await this.webhooks.lock(tx, ctx.tenantId, id);
      requireMatch(ctx, webhook);
      return work(tx, webhook);
    });
  }

  private async details(tx: Tx, webhook: WebhookEntity): Promise<WebhookDetails> {
    const { tenantId, id } = webhook;
    return { webhook, progress: await this.progress.get(tx, { tenantId, webhookId: id }) };
  }

  private record(
    tx: Tx,
    { id, version }: WebhookEntity,
    change: { action: string; before: JsonValue; after: JsonValue },
  ): void {
    this.ledger.append(tx, { class: 'configuration', ...change, resource: { type: 'webhook', id, version } });
  }
}
