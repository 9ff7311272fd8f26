import type { WebhookWithSecret } from '../app/create-webhook.service.js';
import type { WebhookDetails } from '../app/webhook.queries.js';
import type { Delivery } from '../infra/delivery.repository.js';

export const webhookView = ({ webhook, progress }: WebhookDetails) => ({
  id: webhook.id,
  url: webhook.url,
  description: webhook.description,
  events: webhook.events,
  actionPrefixes: webhook.actionPrefixes,
  enabled: webhook.enabled,
  disabledReason: webhook.disabledReason,
  secretVersion: webhook.secretVersion,
  previousSecretValidUntil: webhook.previousValidUntil?.toISOString() ?? null,
  delivery: {
    entrySeq: progress.entrySeq,
    checkpointSize: progress.checkpointSize,
    failures: progress.failures,
    failingSince: progress.failingSince?.toISOString() ?? null,
    nextAttemptAt: progress.nextAttemptAt?.toISOString() ?? null,
  },
  version: webhook.version,
  createdAt: webhook.createdAt.toISOString(),
});

export const webhookWithSecretView = (created: WebhookWithSecret) => ({
  ...webhookView(created),
  secret: created.secret,
});

export const testedWebhookView = (tested: WebhookDetails & { messageId: string }) => ({
  ...webhookView(tested),
  messageId: tested.messageId,
});

export const deliveryView = (delivery: Delivery) => ({ ...delivery, attemptedAt: delivery.attemptedAt.toISOString() });
