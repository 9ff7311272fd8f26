import { z } from 'zod';
import { tagsSchema, timestampSchema } from '#http';
import { formatCidr, IpRuleError, parseCidr } from '#ip';

/** A CIDR block in canonical text. What is not one is refused with the rule and the fix of `#ip`. */
export const cidrSchema = z
  .string()
  .max(64)
  .transform((text, issues) => {
    try {
      return formatCidr(parseCidr(text));
    } catch (error) {
      if (!(error instanceof IpRuleError)) throw error;
      issues.addIssue({ code: 'custom', message: error.message, params: { rule: error.rule, fix: error.fix } });
      return z.NEVER;
    }
  });

/** What every resource of a VPC shows beside its own fields. */
export const placedFields = {
  state: z.enum(['pending', 'available', 'deleting', 'failed']),
  failure: z.string().nullable().describe('Why the state is failed.'),
  tags: tagsSchema,
  version: z.int(),
  createdAt: timestampSchema,
};
