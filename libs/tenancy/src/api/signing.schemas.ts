import { z } from 'zod';
import { idSchema, nameSchema, pageSchema, recordedSchema, timestampSchema } from '#http';
import { isSignaturePattern } from '#ledger';
import { ROOT_KEY } from '#proof';

/** Bytes in the one base64 text that they have. */
function bytes(length: number, what: string) {
  return z
    .base64()
    .transform((text) => new Uint8Array(Buffer.from(text, 'base64')))
    .refine((value) => value.length === length, {
      message: `not ${length} bytes`,
      params: { rule: `${what}.length`, fix: `send ${length} bytes in base64` },
    });
}

const SIGNATURE = bytes(64, 'signature');

export const enrolSigningKeySchema = z.strictObject({
  id: idSchema('signingKey').describe('Drawn by you, because what is signed names it: sgk- and 17 hexadecimal digits.'),
  name: nameSchema,
  publicKey: bytes(32, 'key').describe('Ed25519, base64.'),
  enrolledBy: z
    .union([z.literal(ROOT_KEY), idSchema('signingKey')])
    .describe("The signing key that signed the statement, or root: the tenant's root key."),
  signature: SIGNATURE.describe("The enrolling key's signature over the enrolment statement, base64."),
  possession: SIGNATURE.describe("The new key's own signature over it, base64."),
});

export const signingKeySchema = z
  .object({
    id: z.string(),
    userId: z.string(),
    name: z.string(),
    publicKey: z.string().describe('Ed25519, base64.'),
    enrolledBy: z.string().describe('The signing key that enrolled it, or root.'),
    signature: z.string(),
    possession: z.string(),
    state: z.enum(['active', 'revoked']),
    revokedAt: timestampSchema.nullable(),
    version: z.int(),
    createdAt: timestampSchema,
  })
  .meta({ id: 'SigningKey' });

export const changedSigningKeySchema = signingKeySchema.extend(recordedSchema.shape);
export const signingKeyPage = pageSchema(signingKeySchema);
export const signingKeyParams = z.strictObject({ keyId: idSchema('signingKey') });

export const enrolmentSchema = z
  .object({
    origin: z.string().describe('Of the log.'),
    tenantId: z.string(),
    userId: z.string().describe("The user of this request's API key, whose key it will be."),
    rootPublicKey: z.string().nullable().describe('Of the tenant; null when its first signing key is its root.'),
    statement: z
      .string()
      .describe('The text to be signed, with {keyId}, {publicKey} and {enrolledBy} to be filled in.'),
  })
  .meta({ id: 'SigningKeyEnrolment' });

export const setSignaturePolicySchema = z.strictObject({
  mode: z.enum(['optional', 'required']),
  actions: z
    .array(
      z
        .string()
        .max(100)
        .refine(isSignaturePattern, {
          message: 'neither an action nor a pattern of actions',
          params: { rule: 'signature-policy.pattern', fix: 'use an action such as subnet.created, or subnet.*' },
        }),
    )
    .max(100)
    .default([])
    .describe('Actions that must be signed, or patterns such as subnet.*; none: all of them.'),
});

export const signaturePolicySchema = z
  .object({ mode: z.enum(['optional', 'required']), actions: z.array(z.string()), version: z.int() })
  .meta({ id: 'SignaturePolicy' });
