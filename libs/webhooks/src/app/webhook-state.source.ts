import { Injectable } from '@nestjs/common';
import { allPages, type Tx } from '#database';
import type { OpContext } from '#kernel';
import { type LedgerStateSource, STATE_PAGE } from '#ledger';
import type { StateRecord } from '#proof';
import { WebhookRepository } from '../infra/webhook.repository.js';
import { webhookRecord } from './webhook-records.js';

/** Webhooks as the ledger tells them. */
@Injectable()
export class WebhookStateSource implements LedgerStateSource {
  readonly types = ['webhook'];

  constructor(private readonly webhooks: WebhookRepository) {}

  async *read(tx: Tx, { tenantId }: OpContext): AsyncGenerator<StateRecord[]> {
    for await (const page of allPages((at) => this.webhooks.list(tx, tenantId, at), STATE_PAGE)) {
      yield page.map((webhook) => ({
        type: 'webhook',
        id: webhook.id,
        version: webhook.version,
        state: webhookRecord(webhook),
      }));
    }
  }
}
