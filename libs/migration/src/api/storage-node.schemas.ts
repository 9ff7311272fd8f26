import { z } from 'zod';
import { idSchema, nameSchema, pageQuery, pageSchema, recordedSchema, textSchema, timestampSchema } from '#http';

const location = z
  .string()
  .max(1024)
  .superRefine((path, issues) => {
    const absolute = /^\/[^\0]*$/.test(path) && !path.split('/').includes('..');
    if (!absolute) {
      issues.addIssue({
        code: 'custom',
        message: 'not an absolute path without ".."',
        params: { rule: 'storage-node.location', fix: 'send a path such as /srv/freehold/node-1' },
      });
    }
  })
  .describe('The absolute path of its folder, as the data process and the workers see it.');
const weight = z
  .int()
  .min(1)
  .max(10_000)
  .describe("Its share of the shards relative to the others', such as its size in TB.");
const failureDomain = textSchema(63).describe(
  'What fails together with it: a disk, a host, a rack. One shard of a segment goes to each.',
);

export const registerStorageNodeSchema = z.strictObject({
  name: nameSchema,
  location,
  failureDomain,
  weight: weight.default(100),
});

export const updateStorageNodeSchema = z.strictObject({
  name: nameSchema.optional(),
  weight: weight.optional(),
  status: z.enum(['active', 'draining']).optional().describe('A draining node gives shards and takes none.'),
});

export const storageNodeSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    driver: z.enum(['directory']),
    location: z.string(),
    failureDomain: z.string(),
    weight: z.int(),
    status: z.enum(['active', 'draining']),
    version: z.int(),
    createdAt: timestampSchema,
  })
  .meta({ id: 'StorageNode' });

export const changedStorageNodeSchema = storageNodeSchema.extend(recordedSchema.shape);
export const storageNodePage = pageSchema(storageNodeSchema);
export const storageNodeParams = z.strictObject({ storageNodeId: idSchema('storageNode') });
export const storageNodeListQuery = z.strictObject(pageQuery);
