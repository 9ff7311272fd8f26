import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { Clock, ConflictError, type OpContext, type WebhookId } from '#kernel';
import { WebhookRepository } from '../infra/webhook.repository.js';
import type { WebhookWithSecret } from './create-webhook.service.js';
import { WebhookEditor } from './webhook-editor.js';
import { WebhookSecrets } from './webhook-secrets.js';

const HOUR_MS = 3_600_000;

/** Gives a webhook a new secret. Until the overlap ends each message is signed with both, so that receivers can change over. */
@Injectable()
export class RotateWebhookSecretService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly webhooks: WebhookRepository,
    private readonly secrets: WebhookSecrets,
    private readonly editor: WebhookEditor,
  ) {}

  /** @param overlapHours 0 makes the secret of before worthless at once @throws NotFoundError, KekUnavailableError */
  async execute(ctx: OpContext, id: WebhookId, overlapHours: number): Promise<WebhookWithSecret> {
    requirePermission(ctx, 'webhook:write');
    // Sealed before the row is locked, for the version that it will have then.
    const { secretVersion } = await this.uow.read(ctx, (tx) => this.webhooks.get(tx, ctx.tenantId, id));
    const { secret, sealed } = await this.secrets.draw(ctx.tenantId, id, secretVersion + 1);
    return this.editor.change(ctx, id, async (_tx, webhook) => {
      if (webhook.secretVersion !== secretVersion) {
        throw new ConflictError('RotatedMeanwhile', 'The secret was rotated by somebody else at the same time.');
      }
      const previous = overlapHours === 0 ? null : webhook.sealedSecret;
      Object.assign(webhook, {
        secretVersion: secretVersion + 1,
        sealedSecret: sealed,
        previousSealedSecret: previous,
        previousValidUntil: previous && new Date(this.clock.now().getTime() + overlapHours * HOUR_MS),
      });
      return { action: 'webhook.secret-rotated', shown: { secret } };
    });
  }
}
