import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { OpContext, WebhookId } from '#kernel';
import { ReplayBeyondEndError, ReplayOfCheckpointsError } from '../domain/webhook.errors.js';
import { testMessageId } from '../domain/webhook-event.js';
import { ProgressRepository } from '../infra/progress.repository.js';
import type { WebhookDetails } from './webhook.queries.js';
import { WebhookEditor } from './webhook-editor.js';

const NONCE_BYTES = 8;

/** Asks for messages: a test, or what was delivered before, once more. A worker sends them; the log of deliveries tells. */
@Injectable()
export class UseWebhookService {
  constructor(
    private readonly editor: WebhookEditor,
    private readonly progress: ProgressRepository,
  ) {}

  /** A test is tried once, also on a webhook that is disabled; while one waits there is no second. @throws NotFoundError */
  test(ctx: OpContext, id: WebhookId): Promise<WebhookDetails & { messageId: string }> {
    return this.editor.use(ctx, id, async (tx, { tenantId }) => {
      const ref = { tenantId, webhookId: id };
      const waiting = (await this.progress.get(tx, ref)).testMessage;
      const messageId = waiting ?? testMessageId(id, randomBytes(NONCE_BYTES).toString('hex'));
      if (waiting === null) await this.progress.requestTest(tx, ref, messageId);
      return { action: 'webhook.tested', noted: { messageId }, shown: { messageId } };
    });
  }

  /**
   * Goes on at an entry of the tenant's chain, before or behind what was delivered. The messages have the ids that they had.
   * @throws NotFoundError, ReplayBeyondEndError, ReplayOfCheckpointsError
   */
  replay(ctx: OpContext, id: WebhookId, fromSeq: number): Promise<WebhookDetails> {
    return this.editor.use(ctx, id, async (tx, { tenantId, events }) => {
      if (!events.includes('ledger.entry')) throw new ReplayOfCheckpointsError();
      const { entrySeq } = await this.progress.end(tx, tenantId);
      if (fromSeq > entrySeq + 1) throw new ReplayBeyondEndError(fromSeq, entrySeq);
      await this.progress.restart(tx, { tenantId, webhookId: id }, { entrySeq: fromSeq - 1 });
      return { action: 'webhook.replayed', noted: { fromSeq }, shown: {} };
    });
  }
}
