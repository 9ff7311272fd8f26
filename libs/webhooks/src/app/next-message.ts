import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import { type CoveredEntry, checkpointView, LedgerFeed, ledgerEntryView } from '#ledger';
import { checkpointMessageId, entryMessageId, type WebhookMessage } from '../domain/webhook-event.js';
import type { LedgerEnd, Progress } from '../infra/progress.repository.js';
import type { WebhookEntity } from '../infra/webhook.entity.js';

/** What is to be sent next, and how far the webhook has come once it was delivered. */
export interface NextMessage {
  message: WebhookMessage;
  /** Null for a test, which moves nothing. */
  delivered: Partial<LedgerEnd> | null;
}

/** Nothing to be sent; what was looked at and is not wanted need not be looked at again. */
export interface NothingWanted {
  message: null;
  passed: Partial<LedgerEnd>;
  /** Whether more lies behind what was looked at. */
  more: boolean;
}

/**
 * Chooses the next message of a webhook, from what is in the database at this moment: what was erased a moment ago is not
 * told any more. Entries come in the order of the chain; a checkpoint comes when every entry that it covers has come, and of
 * several the newest is sent, because it covers the others.
 */
@Injectable()
export class NextMessageService {
  constructor(private readonly feed: LedgerFeed) {}

  async choose(tx: Tx, webhook: WebhookEntity, progress: Progress): Promise<NextMessage | NothingWanted> {
    if (progress.suspended) return { message: null, passed: {}, more: false };
    if (progress.testMessage !== null) return testMessage(webhook, progress.testMessage);
    if (!webhook.enabled || !progress.due) return { message: null, passed: {}, more: false };
    const head = await this.feed.newestHead();
    if (!head) return { message: null, passed: {}, more: false };
    const passed: Partial<LedgerEnd> = {};
    if (webhook.events.includes('ledger.entry')) {
      const after = progress.entrySeq;
      const prefixes = webhook.actionPrefixes;
      const { entry, through } = await this.feed.nextWanted(tx, { after, size: head.size, prefixes });
      if (entry) return entryMessage(webhook, entry);
      passed.entrySeq = through;
      if (through > after) return { message: null, passed, more: true };
    }
    if (webhook.events.includes('ledger.checkpoint') && head.size > progress.checkpointSize) {
      const { size, publishedAt } = head;
      return {
        message: {
          id: checkpointMessageId(webhook.id, size),
          event: 'ledger.checkpoint',
          timestamp: publishedAt.toISOString(),
          data: checkpointView(head),
        },
        delivered: { ...passed, checkpointSize: size },
      };
    }
    return { message: null, passed, more: false };
  }
}

function entryMessage({ id }: WebhookEntity, covered: CoveredEntry): NextMessage {
  const tenantSeq = covered.entry.place!.tenantSeq;
  return {
    message: {
      id: entryMessageId(id, tenantSeq),
      event: 'ledger.entry',
      timestamp: covered.entry.committedAt.toISOString(),
      data: ledgerEntryView(covered),
    },
    delivered: { entrySeq: tenantSeq },
  };
}

function testMessage({ id }: WebhookEntity, messageId: string): NextMessage {
  return {
    message: { id: messageId, event: 'webhook.test', timestamp: new Date().toISOString(), data: { webhookId: id } },
    delivered: null,
  };
}
