import { z } from 'zod';
import { idSchema, recordedSchema } from '#http';
import { uniqueEntryIds } from './disclosure.schemas.js';
import { reasonSchema } from './entry-erasure.schemas.js';
import { ledgerEntrySchema } from './ledger-entry.schemas.js';

/** Entries that one call shows. */
const MOST_READ = 100;

export const breakGlassParams = z.strictObject({ tenantId: idSchema('tenant') });

export const breakGlassBody = z
  .strictObject({
    reason: reasonSchema.describe("Why. It stands in the tenant's own chain."),
    entryIds: uniqueEntryIds(MOST_READ).optional().describe('These entries.'),
    scope: z
      .strictObject({
        fromSeq: z.int().min(1).describe("The first entry's number in the tenant's chain."),
        limit: z.int().min(1).max(MOST_READ).describe('How many from there on.'),
      })
      .optional()
      .describe("A stretch of the tenant's list of entries."),
  })
  .refine(({ entryIds, scope }) => (entryIds === undefined) !== (scope === undefined), {
    message: 'name entryIds or a scope, and not both',
  });

export const brokenGlassSchema = z
  .object({
    tenantId: z.string(),
    reason: z.string(),
    entries: z
      .array(ledgerEntrySchema)
      .nullable()
      .describe('Shown once: null in a dry run and when a request is repeated.'),
  })
  .extend(recordedSchema.shape)
  .meta({ id: 'BrokenGlass' });
