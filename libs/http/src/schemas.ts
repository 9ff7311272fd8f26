import { z } from 'zod';
import { ID_PREFIXES, type Id, idPattern, type ResourceKind } from '#kernel';

/** An id of one kind of resource. */
export function idSchema<K extends ResourceKind>(kind: K) {
  return z
    .string()
    .regex(idPattern(kind), `not an id of a ${kind}: it looks like ${ID_PREFIXES[kind]}-0123456789abcdef0`)
    .transform((id) => id as Id<K>);
}

// C0 and C1 controls, zero-width and bidirectional formatting, line separators, surrogates, private use, noncharacters.
const UNPRINTABLE =
  /[\p{Cc}\p{Cs}\p{Co}\p{Cn}\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/u;

/** Text for people: trimmed already, in Unicode NFC, with no control, invisible or bidirectional characters. */
export function textSchema(maxLength: number, minLength = 1) {
  return z
    .string()
    .min(minLength)
    .max(maxLength)
    .superRefine((text, issues) => {
      const refuse = (rule: string, message: string, fix: string) =>
        issues.addIssue({ code: 'custom', message, params: { rule, fix } });
      if (!text.isWellFormed() || UNPRINTABLE.test(text)) {
        refuse(
          'text.printable',
          'it has a control, invisible or unassigned character',
          'use printable characters only',
        );
      } else if (text.normalize('NFC') !== text) {
        refuse('text.nfc', 'it is not in Unicode normalization form C', 'normalize it to NFC');
      } else if (text.trim() !== text) {
        refuse('text.trimmed', 'it starts or ends with white space', 'remove the white space at its ends');
      }
    });
}

export const nameSchema = textSchema(255).describe('A name for people; not unique unless said so.');

export const tagsSchema = z
  .record(textSchema(128), textSchema(256, 0))
  .superRefine((tags, issues) => {
    if (Object.keys(tags).length > 50) {
      issues.addIssue({
        code: 'custom',
        message: 'more than 50 tags',
        params: { rule: 'tags.count', fix: 'use at most 50 tags' },
      });
    }
  })
  .describe('Keys and values of your own, to find resources by.');

export const timestampSchema = z.iso.datetime().describe('RFC 3339, UTC.');

export const MAX_PAGE = 1000;

/** Query parameters of every list. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100).describe('How many at most.'),
  cursor: z.string().max(300).optional().describe('The nextCursor of the page before.'),
};

/** Filters by tag: `tag=key:value`, or `tag=key` for any value; several must all match. */
export const tagQuery = {
  tag: z
    .union([textSchema(400), z.array(textSchema(400)).max(10)])
    .optional()
    .transform((given) => (given === undefined ? [] : [given].flat()))
    .describe('key:value, or key alone; may be repeated.'),
};

export function pageSchema<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

/** What every reply to a change carries beside the resource. */
export const recordedSchema = z.object({
  ledgerEntryId: z.string().describe('The ledger entry of this change.'),
  promise: z.string().describe("The log's signed promise to include the entry by a deadline; keep it."),
});
