import { z } from 'zod';
import { idSchema, nameSchema, pageQuery, pageSchema, recordedSchema, tagQuery, tagsSchema } from '#http';
import { addressSchema, placedFields } from './network.schemas.js';

export const allocateElasticIpSchema = z.strictObject({
  name: nameSchema.optional(),
  tags: tagsSchema.optional(),
});
export const updateElasticIpSchema = z.strictObject({
  name: nameSchema.nullable().optional(),
  tags: tagsSchema.optional(),
});
export const elasticIpSchema = z
  .object({
    id: z.string(),
    address: z.string(),
    poolId: z.string(),
    name: z.string().nullable(),
    association: z
      .object({ natGatewayId: z.string(), vpcId: z.string() })
      .nullable()
      .describe('Who holds it, also while that one is being deleted.'),
    ...placedFields,
  })
  .meta({ id: 'ElasticIp' });
export const changedElasticIpSchema = elasticIpSchema.extend(recordedSchema.shape);
export const elasticIpParams = z.strictObject({ elasticIpId: idSchema('elasticIp') });
export const elasticIpListQuery = z.strictObject({ ...pageQuery, ...tagQuery, address: addressSchema.optional() });
export const elasticIpPage = pageSchema(elasticIpSchema);
