import { z } from 'zod';
import { PERMISSIONS, type Permission } from '#auth';
import { idSchema, nameSchema, pageQuery, pageSchema, recordedSchema, timestampSchema } from '#http';
import { ROLES } from '#kernel';

/** 32 bytes in standard base64, as Ed25519 public keys and view keys are. */
const key32 = z
  .base64()
  .transform((text) => new Uint8Array(Buffer.from(text, 'base64')))
  .refine((bytes) => bytes.length === 32, {
    message: 'not 32 bytes',
    params: { rule: 'key.length', fix: 'send 32 bytes in base64 (44 characters)' },
  });

export const createTenantSchema = z.strictObject({
  name: nameSchema,
  rootPublicKey: key32.describe("The tenant's Ed25519 root key, 32 bytes, base64. Pinned in the genesis entry."),
  viewKey: key32.describe(
    "32 random bytes of the tenant's, base64. The ledger commits to it; auditors who hold it can list the tenant's entries.",
  ),
});

export const tenantSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    state: z.enum(['active', 'suspended', 'deleted']),
    rootPublicKey: z.string().nullable().describe('Ed25519, base64.'),
    viewKeyCommitment: z.string().nullable().describe('SHA-256, hexadecimal.'),
    version: z.int(),
    createdAt: timestampSchema,
  })
  .meta({ id: 'Tenant' });

export const createdTenantSchema = tenantSchema.extend({
  ownerUserId: z.string(),
  ownerApiKeyId: z.string(),
  ownerApiKey: z.string().nullable().describe('Shown once.'),
  ...recordedSchema.shape,
});

export const quotasSchema = z.object({ quotas: z.record(z.string(), z.int()) });
export const setQuotaSchema = z.strictObject({ allowed: z.int().min(0).max(1_000_000) });
export const quotaSetSchema = z.object({
  tenantId: z.string(),
  quota: z.string(),
  allowed: z.int(),
  ...recordedSchema.shape,
});

const roles = z.array(z.enum(ROLES)).min(1).max(ROLES.length);
export const createUserSchema = z.strictObject({ name: nameSchema, roles });
export const updateUserSchema = z.strictObject({ name: nameSchema.optional(), roles: roles.optional() });
export const userSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    roles: z.array(z.enum(ROLES)),
    version: z.int(),
    createdAt: timestampSchema,
  })
  .meta({ id: 'User' });

export const createApiKeySchema = z.strictObject({
  userId: idSchema('user'),
  name: nameSchema,
  scopes: z
    .array(z.enum(Object.keys(PERMISSIONS) as [Permission, ...Permission[]]))
    .min(1)
    .max(Object.keys(PERMISSIONS).length)
    .optional()
    .describe('Permissions to narrow the key to; without it, all that the roles of its user allow.'),
  expiresAt: timestampSchema
    .transform((text) => new Date(text))
    .refine((at) => at.getTime() > Date.now(), {
      message: 'in the past',
      params: { rule: 'time.future', fix: 'use a time to come' },
    })
    .optional(),
});
export const apiKeySchema = z
  .object({
    id: z.string(),
    userId: z.string(),
    name: z.string(),
    scopes: z.array(z.string()).nullable(),
    state: z.enum(['active', 'expired', 'revoked']),
    expiresAt: timestampSchema.nullable(),
    revokedAt: timestampSchema.nullable(),
    version: z.int(),
    createdAt: timestampSchema,
  })
  .meta({ id: 'ApiKey' });
export const issuedApiKeySchema = apiKeySchema.extend({
  apiKey: z.string().nullable().describe('The key itself: shown once.'),
  ...recordedSchema.shape,
});

export const tenantParams = z.strictObject({ tenantId: idSchema('tenant') });
export const quotaParams = tenantParams.extend({ quota: z.string().max(64) });
export const userParams = z.strictObject({ userId: idSchema('user') });
export const apiKeyParams = z.strictObject({ keyId: idSchema('apiKey') });
export const listQuery = z.strictObject(pageQuery);
export const tenantPage = pageSchema(tenantSchema);
export const userPage = pageSchema(userSchema);
export const apiKeyPage = pageSchema(apiKeySchema);
