import { z } from 'zod';
import { idSchema, nameSchema, pageQuery, pageSchema, recordedSchema, tagQuery, tagsSchema } from '#http';
import { placedFields } from './network.schemas.js';

export const createInternetGatewaySchema = z.strictObject({
  vpcId: idSchema('vpc').optional().describe('Attach it to this VPC at once.'),
  name: nameSchema.optional(),
  tags: tagsSchema.optional(),
});
export const updateInternetGatewaySchema = z.strictObject({
  name: nameSchema.nullable().optional(),
  tags: tagsSchema.optional(),
});
export const attachmentSchema = z.strictObject({ vpcId: idSchema('vpc') });
export const internetGatewaySchema = z
  .object({
    id: z.string(),
    name: z.string().nullable(),
    vpcId: z.string().nullable().describe('The VPC that it is attached to, or is being detached from.'),
    attachment: z.enum(['detached', 'attached', 'detaching']),
    ...placedFields,
  })
  .meta({ id: 'InternetGateway' });
export const changedInternetGatewaySchema = internetGatewaySchema.extend(recordedSchema.shape);
export const internetGatewayParams = z.strictObject({ internetGatewayId: idSchema('internetGateway') });
export const internetGatewayListQuery = z.strictObject({
  ...pageQuery,
  ...tagQuery,
  vpcId: idSchema('vpc').optional(),
});
export const internetGatewayPage = pageSchema(internetGatewaySchema);
