import { z } from 'zod';
import { idSchema, nameSchema, pageQuery, pageSchema, recordedSchema, tagQuery, tagsSchema } from '#http';
import { placedFields } from './network.schemas.js';

export const createNatGatewaySchema = z.strictObject({
  subnetId: idSchema('subnet').describe('Its VPC needs an internet gateway.'),
  elasticIpId: idSchema('elasticIp'),
  name: nameSchema.optional(),
  tags: tagsSchema.optional(),
});
export const updateNatGatewaySchema = z.strictObject({
  name: nameSchema.nullable().optional(),
  tags: tagsSchema.optional(),
});
export const natGatewaySchema = z
  .object({
    id: z.string(),
    vpcId: z.string(),
    subnetId: z.string(),
    elasticIpId: z.string(),
    privateAddress: z.string(),
    publicAddress: z.string(),
    name: z.string().nullable(),
    ...placedFields,
  })
  .meta({ id: 'NatGateway' });
export const changedNatGatewaySchema = natGatewaySchema.extend(recordedSchema.shape);
export const natGatewayParams = z.strictObject({ natGatewayId: idSchema('natGateway') });
export const natGatewayListQuery = z.strictObject({
  ...pageQuery,
  ...tagQuery,
  vpcId: idSchema('vpc').optional(),
  subnetId: idSchema('subnet').optional(),
});
export const natGatewayPage = pageSchema(natGatewaySchema);
