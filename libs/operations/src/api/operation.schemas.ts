import { z } from 'zod';
import { idSchema, pageQuery, pageSchema, timestampSchema } from '#http';
import { OPERATION_STATES } from '../domain/operation.js';

export const operationSchema = z
  .object({
    id: z.string(),
    kind: z.string().describe('What is done: <resource type>.<verb>.'),
    state: z.enum(OPERATION_STATES),
    resource: z
      .object({ type: z.string(), id: z.string() })
      .describe('What it is done to; after a deletion it is no longer there.'),
    progress: z.object({
      done: z.int(),
      total: z.int().nullable().describe('May grow while the operation runs; null while it is unknown.'),
      unit: z.string(),
    }),
    error: z.object({ code: z.string(), detail: z.string() }).nullable().describe('Why it failed.'),
    startedAt: timestampSchema,
    finishedAt: timestampSchema.nullable(),
    version: z.int(),
  })
  .meta({ id: 'Operation' });

export const operationPage = pageSchema(operationSchema);
export const operationParams = z.strictObject({ operationId: idSchema('operation') });
export const operationListQuery = z.strictObject({
  ...pageQuery,
  resourceId: z
    .string()
    .regex(/^[a-z][a-z-]{0,20}-[0-9a-f]{17}$/, 'not an id: it looks like mig-0123456789abcdef0')
    .optional(),
  state: z.enum(OPERATION_STATES).optional(),
});
