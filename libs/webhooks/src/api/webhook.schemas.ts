import { z } from 'zod';
import { idSchema, pageQuery, pageSchema, recordedSchema, textSchema, timestampSchema } from '#http';
import { WEBHOOK_EVENTS } from '../domain/webhook-event.js';

const url = z.string().min(1).max(2048).describe('Where to: https, a public host, no credentials in it.');
const events = z
  .array(z.enum(WEBHOOK_EVENTS))
  .min(1)
  .max(WEBHOOK_EVENTS.length)
  .refine((given) => new Set(given).size === given.length, {
    message: 'an event is named twice',
    params: { rule: 'events.unique', fix: 'name each event once' },
  })
  .describe(
    "ledger.entry: each of the tenant's entries once it is published; ledger.checkpoint: the newest checkpoint, after the entries that it covers.",
  );
const actionPrefixes = z
  .array(z.string().regex(/^[a-z][a-z0-9.-]{0,99}$/, 'not the beginning of an action such as subnet.created'))
  .max(50)
  .describe('Only entries whose action starts with one of these, such as `subnet.`; all when there are none.');
const description = textSchema(255);
const enabled = z.boolean();

export const createWebhookSchema = z.strictObject({
  url,
  events: events.default(['ledger.entry']),
  actionPrefixes: actionPrefixes.default([]),
  description: description.nullable().default(null),
  enabled: enabled.default(true),
});

export const updateWebhookSchema = z.strictObject({
  url: url.optional(),
  events: events.optional(),
  actionPrefixes: actionPrefixes.optional(),
  description: description.nullable().optional(),
  enabled: enabled.optional().describe('Enabled again, it goes on where it was.'),
});

export const rotateSecretSchema = z.strictObject({
  overlapHours: z
    .int()
    .min(0)
    .max(168)
    .default(24)
    .describe('For so long messages are signed with the secret of before as well.'),
});

export const replaySchema = z.strictObject({
  fromSeq: z
    .int()
    .min(1)
    .max(Number.MAX_SAFE_INTEGER)
    .describe(
      'The number (tenantSeq) of the entry to go on at; one behind the newest leaves out what is not delivered yet.',
    ),
});

export const webhookSchema = z
  .object({
    id: z.string(),
    url: z.string(),
    description: z.string().nullable(),
    events: z.array(z.enum(WEBHOOK_EVENTS)),
    actionPrefixes: z.array(z.string()),
    enabled: z.boolean(),
    disabledReason: z
      .enum(['gone', 'failing'])
      .nullable()
      .describe('Why Freehold disabled it: the receiver answered 410, or nothing could be delivered for too long.'),
    secretVersion: z.int(),
    previousSecretValidUntil: timestampSchema.nullable(),
    delivery: z.object({
      entrySeq: z.int().describe("Up to this number of the tenant's chain nothing is left to deliver."),
      checkpointSize: z.int().describe('The same, of checkpoints.'),
      failures: z.int().describe('Failed attempts of the message in front.'),
      failingSince: timestampSchema.nullable(),
      nextAttemptAt: timestampSchema.nullable(),
    }),
    version: z.int(),
    createdAt: timestampSchema,
  })
  .meta({ id: 'Webhook' });

const recorded = recordedSchema.shape;
export const webhookReply = webhookSchema.extend(recorded);
export const webhookWithSecret = webhookSchema.extend({
  secret: z.string().nullable().describe('The secret that messages are signed with (Standard Webhooks): shown once.'),
  ...recorded,
});
export const testedWebhook = webhookSchema.extend({
  messageId: z.string().describe('The webhook-id of the test message; see the deliveries for what became of it.'),
  ...recorded,
});

export const deliverySchema = z
  .object({
    number: z.int().describe('Attempts of a webhook are numbered from 1.'),
    messageId: z.string().describe('The webhook-id header: the same in each attempt of a message.'),
    event: z.enum([...WEBHOOK_EVENTS, 'webhook.test']),
    attempt: z.int(),
    status: z.int().nullable().describe('Of the reply; null when none came.'),
    failure: z
      .enum(['refused', 'dns', 'connect', 'tls', 'timeout', 'protocol', 'redirect', 'gone', 'status'])
      .nullable()
      .describe(
        'Null for a delivery (a status of 200 to 299). refused: its host leads to an address that is not public.',
      ),
    durationMs: z.int(),
    attemptedAt: timestampSchema,
  })
  .meta({ id: 'WebhookDelivery' });

export const webhookParams = z.strictObject({ webhookId: idSchema('webhook') });
export const listQuery = z.strictObject(pageQuery);
export const webhookPage = pageSchema(webhookSchema);
export const deliveryPage = pageSchema(deliverySchema);
