import { z } from 'zod';
import { idSchema, nameSchema, pageQuery, pageSchema, recordedSchema, tagQuery, tagsSchema, textSchema } from '#http';
import { cidrSchema, placedFields } from './network.schemas.js';

const zone = textSchema(63);

export const createSubnetSchema = z.strictObject({
  vpcId: idSchema('vpc'),
  cidrBlock: cidrSchema.describe('IPv4, /16 to /28, inside one block of the VPC.'),
  ipv6CidrBlock: cidrSchema.optional().describe('IPv6, /44 to /64 in steps of 4, inside the IPv6 block of the VPC.'),
  zone,
  name: nameSchema.optional(),
  tags: tagsSchema.optional(),
});
export const updateSubnetSchema = z.strictObject({
  name: nameSchema.nullable().optional(),
  tags: tagsSchema.optional(),
});
export const subnetSchema = z
  .object({
    id: z.string(),
    vpcId: z.string(),
    name: z.string().nullable(),
    zone: z.string(),
    cidrBlock: z.string(),
    ipv6CidrBlock: z.string().nullable(),
    usableAddresses: z.int().describe('Addresses that interfaces can have; five are reserved.'),
    ...placedFields,
  })
  .meta({ id: 'Subnet' });
export const changedSubnetSchema = subnetSchema.extend(recordedSchema.shape);
export const subnetParams = z.strictObject({ subnetId: idSchema('subnet') });
export const subnetListQuery = z.strictObject({
  ...pageQuery,
  ...tagQuery,
  vpcId: idSchema('vpc').optional(),
  zone: zone.optional(),
});
export const subnetPage = pageSchema(subnetSchema);
