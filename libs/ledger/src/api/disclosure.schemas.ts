import { z } from 'zod';
import { idSchema, recordedSchema, textSchema } from '#http';

/** Entries of one disclosure. */
export const MOST_DISCLOSED = 256;

export const uniqueEntryIds = (most: number) =>
  z
    .array(idSchema('ledgerEntry'))
    .min(1)
    .max(most)
    .refine((ids) => new Set(ids).size === ids.length, { message: 'an entry is named twice' });

export const discloseEntriesBody = z.strictObject({
  entryIds: uniqueEntryIds(MOST_DISCLOSED).describe('The entries to open; a published checkpoint must cover each.'),
  recipient: textSchema(255).describe('To whom, for your own auditors. It stays in the ledger.'),
  includeEvidence: z.boolean().default(false).describe('Show the signed requests behind the entries, too.'),
});

export const disclosedSchema = z
  .object({
    id: z.string(),
    entryIds: z.array(z.string()),
    recipient: z.string(),
    includeEvidence: z.boolean(),
    disclosure: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('The document (docs/formats/disclosure-v1.md), for `freehold verify`. Null in a dry run.'),
  })
  .extend(recordedSchema.shape)
  .meta({ id: 'Disclosed' });
