import { isId } from '#kernel';
import type { WebhookRef } from '../infra/progress.repository.js';

/** The outbox topic for a webhook that has something to be told of; key `<tenant>/<webhook>`. */
export const WEBHOOK_TOPIC = 'webhook-delivery';

/** Takes the key of a job apart. @throws TypeError for a key that this library did not make */
export function parseWebhookKey(key: string): WebhookRef {
  const [tenantId, webhookId] = key.split('/');
  if (!isId('tenant', tenantId) || !isId('webhook', webhookId)) throw new TypeError(`${key} is not a key of a webhook`);
  return { tenantId, webhookId };
}
