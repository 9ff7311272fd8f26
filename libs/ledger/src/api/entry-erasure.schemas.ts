import { z } from 'zod';
import { recordedSchema, textSchema } from '#http';
import { ERASURE_SCOPES } from '../domain/erasure.js';

export const reasonSchema = textSchema(500, 10);

export const eraseEntryBody = z.strictObject({
  scope: z
    .enum(ERASURE_SCOPES)
    .describe(
      'body: everything that the entry says, and its evidence; evidence: the signed request alone, of all entries that it made.',
    ),
  reason: reasonSchema.describe('Why, for your own auditors. It stays: do not repeat what is to be forgotten.'),
});

export const entryErasureSchema = z
  .object({
    entryId: z.string().describe('What was erased.'),
    scope: z.enum(ERASURE_SCOPES),
    reason: z.string(),
  })
  .extend(recordedSchema.shape)
  .meta({ id: 'EntryErasure' });
