import { z } from 'zod';
import { timestampSchema } from '#http';
import { MAX_HOURS } from '../domain/log-statistics.js';

export const logStatisticsQuery = z.strictObject({
  hours: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_HOURS)
    .default(24)
    .describe('How many hours back, the running one included.'),
});

export const logStatisticsSchema = z
  .object({
    at: timestampSchema,
    origin: z.string(),
    vkey: z.string().describe('The first key of the log: what an auditor pins.'),
    size: z.int().describe('Entries that a published checkpoint covers.'),
    root: z.string().nullable(),
    publishedAt: timestampSchema.nullable(),
    ageSeconds: z.number().nullable().describe('Of the newest checkpoint. A log without changes publishes none.'),
    checkpoints: z.int().nullable().describe('How many were published; null while they are counted after a start.'),
    hours: z
      .array(
        z.object({
          from: timestampSchema,
          entries: z.int().describe('Published in that hour.'),
          checkpoints: z.int().nullable(),
          size: z.int().describe('Entries of the log at the end of the hour.'),
        }),
      )
      .describe('Oldest first; the last one has only begun.'),
    anchors: z.object({
      unsettled: z.int().nullable().describe('On their way into a chain; null for a thousand and more.'),
      behind: z.int().describe('Entries that no final anchor covers yet.'),
      newest: z
        .object({
          size: z.int(),
          chainId: z.int(),
          txHash: z.string(),
          blockNumber: z.int(),
          finality: z.string(),
          independentTrust: z.boolean(),
          finalAt: timestampSchema,
        })
        .nullable()
        .describe('The newest that is final.'),
    }),
    witnesses: z.object({
      count: z.int(),
      threshold: z.int(),
      required: z.boolean(),
      witnessedSize: z.int(),
      behind: z.int().describe('Entries that no witnessed checkpoint covers yet.'),
    }),
  })
  .meta({ id: 'LogStatistics' });
