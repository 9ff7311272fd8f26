import type { WebhookId } from '#kernel';

export const WEBHOOK_EVENTS = ['ledger.entry', 'ledger.checkpoint'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** What is sent: an event of the ledger, or a test that somebody asked for. */
export type MessageEvent = WebhookEvent | 'webhook.test';

/** A message for one webhook. Its id is made of what it tells, so that it is the same in each attempt and in a replay. */
export interface WebhookMessage {
  id: string;
  event: MessageEvent;
  /** When what it tells happened, RFC 3339. */
  timestamp: string;
  data: unknown;
}

export const entryMessageId = (webhookId: WebhookId, tenantSeq: number) => `${webhookId}_entry_${tenantSeq}`;
export const checkpointMessageId = (webhookId: WebhookId, size: number) => `${webhookId}_checkpoint_${size}`;
export const testMessageId = (webhookId: WebhookId, nonce: string) => `${webhookId}_test_${nonce}`;

/** The body as Standard Webhooks has it. */
export function messageBody({ event, timestamp, data }: WebhookMessage): Uint8Array {
  return Buffer.from(JSON.stringify({ type: event, timestamp, data }));
}
