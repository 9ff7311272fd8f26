import type { JsonValue } from '#kernel';
import type { WebhookEntity } from '../infra/webhook.entity.js';

/** What the ledger says of a webhook: its state as an auditor replays it, and of its secret the number alone. */
export function webhookRecord(webhook: WebhookEntity): JsonValue {
  return {
    url: webhook.url,
    description: webhook.description,
    events: [...webhook.events],
    actionPrefixes: [...webhook.actionPrefixes],
    enabled: webhook.enabled,
    disabledReason: webhook.disabledReason,
    secretVersion: webhook.secretVersion,
    previousSecretValidUntil: webhook.previousValidUntil?.toISOString() ?? null,
  };
}
