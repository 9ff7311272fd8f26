import { z } from 'zod';
import { tagsSchema, timestampSchema } from '#http';
import { formatAddress, formatCidr, IpRuleError, parseAddress, parseCidr } from '#ip';

/** Canonical text that `#ip` reads. What it refuses is refused with its rule and its fix. */
function ipText(maxLength: number, canonical: (text: string) => string) {
  return z
    .string()
    .max(maxLength)
    .transform((text, issues) => {
      try {
        return canonical(text);
      } catch (error) {
        if (!(error instanceof IpRuleError)) throw error;
        issues.addIssue({ code: 'custom', message: error.message, params: { rule: error.rule, fix: error.fix } });
        return z.NEVER;
      }
    });
}

/** A CIDR block in canonical text. */
export const cidrSchema = ipText(64, (text) => formatCidr(parseCidr(text)));

/** One address in canonical text. */
export const addressSchema = ipText(64, (text) => formatAddress(parseAddress(text)));

/** What every resource of a VPC shows beside its own fields. */
export const placedFields = {
  state: z.enum(['pending', 'available', 'deleting', 'failed']),
  failure: z.string().nullable().describe('Why the state is failed.'),
  tags: tagsSchema,
  version: z.int(),
  createdAt: timestampSchema,
};
