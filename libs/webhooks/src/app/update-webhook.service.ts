import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import type { Tx } from '#database';
import { Egress } from '#egress';
import type { OpContext, WebhookId } from '#kernel';
import { type LedgerEnd, ProgressRepository } from '../infra/progress.repository.js';
import type { WebhookEntity } from '../infra/webhook.entity.js';
import type { CreateWebhook } from './create-webhook.service.js';
import type { WebhookDetails } from './webhook.queries.js';
import { WebhookEditor } from './webhook-editor.js';

/**
 * Changes a webhook. One that is enabled again goes on where it was; an event that is added begins now, because what came
 * before it was asked for would come as news. `POST replay` brings it all the same.
 */
@Injectable()
export class UpdateWebhookService {
  constructor(
    private readonly egress: Egress,
    private readonly editor: WebhookEditor,
    private readonly progress: ProgressRepository,
  ) {}

  /** @throws NotFoundError, EgressRefusedError; DomainError `VersionMismatch` */
  async execute(ctx: OpContext, id: WebhookId, input: Partial<CreateWebhook>): Promise<WebhookDetails> {
    requirePermission(ctx, 'webhook:write');
    const url = input.url === undefined ? {} : { url: await this.egress.check(input.url) };
    return this.editor.change(ctx, id, async (tx, webhook) => {
      await this.goOn(tx, webhook, input);
      Object.assign(webhook, input, url);
      if (input.enabled !== undefined) webhook.disabledReason = null;
      return { action: 'webhook.updated', shown: {} };
    });
  }

  /** The next message is tried at once: the receiver may have been mended, or be another one. */
  private async goOn(tx: Tx, { tenantId, id, events }: WebhookEntity, input: Partial<CreateWebhook>): Promise<void> {
    if (input.url === undefined && input.events === undefined && input.enabled === undefined) return;
    const added = (input.events ?? []).filter((event) => !events.includes(event));
    const end = await this.progress.end(tx, tenantId);
    const from: Partial<LedgerEnd> = {
      ...(added.includes('ledger.entry') ? { entrySeq: end.entrySeq } : {}),
      ...(added.includes('ledger.checkpoint') ? { checkpointSize: end.checkpointSize } : {}),
    };
    await this.progress.restart(tx, { tenantId, webhookId: id }, from);
  }
}
