import { z } from 'zod';
import { idSchema, nameSchema, pageQuery, pageSchema, recordedSchema, tagQuery, tagsSchema } from '#http';
import { cidrSchema, placedFields } from './network.schemas.js';
import { historyQuery, requireAsOf } from './vpc-history.schemas.js';

export const createVpcSchema = z.strictObject({
  cidrBlock: cidrSchema.describe('IPv4, /16 to /28, private or from an address pool of the operator.'),
  ipv6CidrBlock: cidrSchema.optional().describe('IPv6, /44 to /60 in steps of 4, unique local or from a pool.'),
  name: nameSchema.optional(),
  tags: tagsSchema.optional(),
});
export const updateVpcSchema = z.strictObject({ name: nameSchema.nullable().optional(), tags: tagsSchema.optional() });
export const vpcSchema = z
  .object({
    id: z.string(),
    name: z.string().nullable(),
    cidrBlock: z.string(),
    ipv6CidrBlock: z.string().nullable(),
    cidrBlocks: z.array(
      z.object({ id: z.string(), cidrBlock: z.string(), primary: z.boolean(), state: placedFields.state }),
    ),
    mainRouteTableId: z.string().describe('Routes every subnet without an association of its own.'),
    generation: z.int().describe('Raised by every change in the VPC.'),
    realizedGeneration: z.int().describe('How far the data plane has come.'),
    realization: z
      .enum(['planned', 'programmed', 'verified'])
      .describe('What "available" stands for; nothing claims more.'),
    ...placedFields,
  })
  .meta({ id: 'Vpc' });
export const changedVpcSchema = vpcSchema.extend(recordedSchema.shape);
export const vpcParams = z.strictObject({ vpcId: idSchema('vpc') });
export const addCidrBlockSchema = z.strictObject({
  cidrBlock: cidrSchema.describe('IPv4 /16 to /28, or IPv6 /44 to /60 in steps of 4; private or from an address pool.'),
});
export const cidrBlockParams = z.strictObject({ vpcId: idSchema('vpc'), cidrBlockId: idSchema('cidrBlock') });
export const setMainRouteTableSchema = z.strictObject({ routeTableId: idSchema('routeTable') });
export const vpcListQuery = z.strictObject({ ...pageQuery, ...tagQuery });
export const vpcPage = pageSchema(vpcSchema);
export const vpcQuery = z.strictObject(historyQuery).superRefine(requireAsOf);
