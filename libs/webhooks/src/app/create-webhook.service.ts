import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { Egress } from '#egress';
import { Clock, newId, type OpContext } from '#kernel';
import { LedgerWriter } from '#ledger';
import { QuotaRepository } from '#tenancy';
import type { WebhookEvent } from '../domain/webhook-event.js';
import { ProgressRepository } from '../infra/progress.repository.js';
import { WebhookEntity } from '../infra/webhook.entity.js';
import { WebhookRepository } from '../infra/webhook.repository.js';
import type { WebhookDetails } from './webhook.queries.js';
import { webhookRecord } from './webhook-records.js';
import { WebhookSecrets } from './webhook-secrets.js';

export interface CreateWebhook {
  url: string;
  events: WebhookEvent[];
  actionPrefixes: string[];
  description: string | null;
  enabled: boolean;
}

/** A webhook with the only sight of its newest secret. */
export interface WebhookWithSecret extends WebhookDetails {
  secret: string;
}

/**
 * Creates a webhook, which is told of what is new from now on. Whoever makes one hands the tenant's ledger out, so that
 * being allowed to read it is asked for as well. Its URL must lead to where it may, now and at each delivery.
 */
@Injectable()
export class CreateWebhookService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly egress: Egress,
    private readonly secrets: WebhookSecrets,
    private readonly webhooks: WebhookRepository,
    private readonly progress: ProgressRepository,
    private readonly quotas: QuotaRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  /** @throws ForbiddenError, EgressRefusedError, QuotaExceededError, KekUnavailableError */
  async execute(ctx: OpContext, input: CreateWebhook): Promise<WebhookWithSecret> {
    requirePermission(ctx, 'webhook:write');
    requirePermission(ctx, 'ledger:read');
    // Name servers and the key-encryption key are asked before anything is locked.
    const url = await this.egress.check(input.url);
    const now = this.clock.now();
    const id = newId('webhook', now.getTime());
    const { secret, sealed } = await this.secrets.draw(ctx.tenantId, id, 1);
    const webhook = Object.assign(new WebhookEntity(), {
      ...input,
      tenantId: ctx.tenantId,
      id,
      url,
      disabledReason: null,
      secretVersion: 1,
      sealedSecret: sealed,
      previousSealedSecret: null,
      previousValidUntil: null,
      version: 1,
      createdAt: now,
    });
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'webhook:write');
      await this.quotas.lock(tx, ctx.tenantId);
      await this.quotas.requireRoom(tx, ctx.tenantId, 'webhooks', this.webhooks.counting(ctx.tenantId));
      await this.webhooks.insert(tx, webhook);
      const ref = { tenantId: ctx.tenantId, webhookId: id };
      await this.progress.insert(tx, ref, await this.progress.end(tx, ctx.tenantId));
      this.ledger.append(tx, {
        class: 'configuration',
        action: 'webhook.created',
        resource: { type: 'webhook', id, version: 1 },
        before: null,
        after: webhookRecord(webhook),
      });
      return { webhook, progress: await this.progress.get(tx, ref), secret };
    });
  }
}
