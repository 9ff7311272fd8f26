import { z } from 'zod';
import { idSchema, nameSchema, pageQuery, pageSchema, recordedSchema, timestampSchema } from '#http';
import { POOL_PURPOSES } from '../domain/address-pool.js';
import { cidrSchema } from './network.schemas.js';

const purpose = z
  .enum(POOL_PURPOSES)
  .describe('public: gives elastic IPs; vpc: blocks of VPCs may come from it although it is not private.');

export const createAddressPoolSchema = z.strictObject({ name: nameSchema, cidrBlock: cidrSchema, purpose });
export const addressPoolSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    family: z.enum(['ipv4', 'ipv6']),
    cidrBlock: z.string(),
    purpose,
    version: z.int(),
    createdAt: timestampSchema,
  })
  .meta({ id: 'AddressPool' });
export const changedAddressPoolSchema = addressPoolSchema.extend(recordedSchema.shape);
export const addressPoolParams = z.strictObject({ addressPoolId: idSchema('addressPool') });
export const addressPoolListQuery = z.strictObject(pageQuery);
export const addressPoolPage = pageSchema(addressPoolSchema);
