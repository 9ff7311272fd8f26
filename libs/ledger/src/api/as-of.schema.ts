import { z } from 'zod';
import { timestampSchema } from '#http';
import { isId } from '#kernel';
import type { AsOf } from '../domain/as-of.js';

/** `?asOf=`: an entry, an index of the log, or a time. */
export const asOfSchema = z
  .string()
  .max(64)
  .transform((text, issues): AsOf => {
    if (isId('ledgerEntry', text)) return { entryId: text };
    if (/^(0|[1-9][0-9]{0,14})$/.test(text)) return { index: Number(text) };
    if (timestampSchema.safeParse(text).success) return { time: new Date(text) };
    issues.addIssue({
      code: 'custom',
      message: 'not an entry, an index or a time',
      params: {
        rule: 'as-of.point',
        fix: 'use the id of a ledger entry (led-...), an index of the log (1234) or an RFC 3339 time in UTC (2026-11-26T12:00:00Z)',
      },
    });
    return z.NEVER;
  })
  .describe(
    'As of then: right behind this ledger entry, behind this index of the log, or before the first entry that is later than this time. docs/time-machine.md',
  );
