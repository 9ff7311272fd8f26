import { z } from 'zod';
import { idSchema, pageQuery, pageSchema, timestampSchema } from '#http';
import { ENTRY_CLASSES } from '#proof';
import { anchorPromiseSchema, anchorProofSchema } from './anchor.schemas.js';

export const anchorSchema = z
  .object({
    chainId: z.int(),
    contract: z.string(),
    txHash: z.string(),
    blockNumber: z.int(),
    blockHash: z.string(),
    size: z.int().describe('Entries of the anchored head.'),
    root: z.string().describe('Its root, hexadecimal.'),
    finality: z.string().describe("What this chain's kind calls final."),
    independentTrust: z
      .boolean()
      .describe('False for a chain that the operator alone runs: it proves nothing against the operator.'),
  })
  .meta({ id: 'AnchorRecord' });

export const ledgerEntrySchema = z
  .object({
    id: z.string(),
    state: z
      .enum(['recorded', 'published', 'anchored'])
      .describe(
        'recorded: committed with its change; published: a signed checkpoint covers it; anchored: so does a chain.',
      ),
    class: z.enum(ENTRY_CLASSES).nullable().describe('Null, as all that the body says, once it was erased.'),
    action: z.string().nullable(),
    actor: z.object({ type: z.string(), id: z.string() }).nullable(),
    keyId: z.string().nullable(),
    resource: z.object({ type: z.string(), id: z.string(), version: z.int().nullable() }).nullable(),
    before: z.unknown(),
    after: z.unknown(),
    requestId: z.string().nullable(),
    vouched: z
      .object({
        mode: z.enum(['custodial', 'signed']).describe('custodial: nobody signed, the service says who it was.'),
        keyId: z.string().optional().describe('The signing key of a signed request.'),
        evidence: z.string().optional().describe("Commitment to the request's evidence, hexadecimal."),
      })
      .nullable(),
    time: timestampSchema.nullable(),
    tenantSeq: z.int().nullable().describe("Its number in the tenant's chain; null until it is in the log."),
    index: z.int().nullable().describe('Its index in the log; null until it is in the log.'),
    body: z.string().nullable().describe("The body's bytes, base64: what the log commits to."),
    erasedBy: z.string().nullable().describe('The entry that says that this one was erased.'),
    anchor: anchorSchema.nullable().describe('An anchored head that covers it.'),
  })
  .meta({ id: 'LedgerEntry' });

export const ledgerEntryPage = pageSchema(ledgerEntrySchema);
export const ledgerEntryParams = z.strictObject({ entryId: idSchema('ledgerEntry') });
const printable = (what: string) =>
  z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/)
    .optional()
    .describe(what);
const timeOf = (what: string) =>
  timestampSchema
    .transform((text) => new Date(text))
    .refine((time) => time.getTime() >= 0, {
      message: 'before 1970',
      params: { rule: 'time.epoch', fix: 'use a later time' },
    })
    .optional()
    .describe(what);
const indexOf = (what: string) => z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional().describe(what);

export const ledgerEntryListQuery = z.strictObject({
  ...pageQuery,
  resourceId: printable('Only entries about this resource.'),
  resourceType: z
    .string()
    .regex(/^[a-z][a-z0-9.-]{0,63}$/)
    .optional()
    .describe('Only entries about resources of this type: subnet, ...'),
  scopeId: printable('Only entries that belong to this VPC and all that is or was in it, or to this dataset.'),
  actorId: printable('Only what this user did, or this process of the service.'),
  action: z
    .string()
    .max(128)
    .regex(/^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*(\.\*)?$/)
    .optional()
    .describe('Only this action (subnet.created), or all that start so (subnet.*).'),
  from: timeOf('Only what happened at this time or later, by the time in the body.'),
  to: timeOf('Only what happened before this time.'),
  fromIndex: indexOf('Only entries of the log from this index on.'),
  toIndex: indexOf('Only entries of the log before this index.'),
  order: z.enum(['oldest-first', 'newest-first']).default('oldest-first'),
  includePending: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .describe(
      'Also the newest entries that are not in the log yet (state recorded, index null), at most limit of them: on the first page of newest-first, on the last of oldest-first.',
    ),
});

const logKeySchema = z
  .object({
    vkey: z.string().describe('The new key, a verifier key of signed notes.'),
    endorsement: z.string().describe('A note by the key before it.'),
    index: z.int().describe('The new key signs heads of more leaves than that.'),
    opening: z.object({
      entryId: z.string(),
      body: z.string(),
      salt: z.string(),
      tenantSeq: z.int(),
      prevHash: z.string(),
      leaf: z.string(),
    }),
    proof: z.array(z.string()),
  })
  .meta({ id: 'LogKeyLink' });

const signingKeyLinkSchema = z
  .object({
    keyId: z.string(),
    userId: z.string(),
    publicKey: z.string(),
    enrolledBy: z.string().describe('The key that signed it in, or `root`.'),
    signature: z.string(),
    possession: z.string(),
  })
  .meta({ id: 'SigningKeyLink' });

const evidenceSchema = z
  .object({
    document: z.string().describe('The signed request, base64.'),
    salt: z.string().describe('Of its commitment in the body, base64.'),
    chain: z.array(signingKeyLinkSchema).describe("From the tenant's root key to the key that signed."),
  })
  .meta({ id: 'Evidence' });

export const receiptSchema = z
  .object({
    v: z.literal(2),
    type: z.literal('freehold-receipt'),
    log: z.object({ origin: z.string(), vkey: z.string() }),
    keys: z.array(logKeySchema).describe('The keys that followed the first one.'),
    entryId: z.string(),
    body: z.string(),
    salt: z.string(),
    evidence: evidenceSchema.nullable().describe('Null when nobody signed the change, or its evidence was erased.'),
    tenantSeq: z.int(),
    prevHash: z.string(),
    leaf: z.string(),
    index: z.int(),
    proof: z.string().describe('c2sp.org/tlog-proof: the inclusion proof with the signed checkpoint.'),
    anchor: anchorSchema.nullable().describe('Null while the anchor is pending.'),
    anchorPromise: anchorPromiseSchema.nullable().describe("A signer's word that the head will be anchored."),
    anchorProof: anchorProofSchema.nullable().describe('Proves the anchor offline, against a block that one knows.'),
  })
  .meta({ id: 'Receipt' });

export const bundleQuery = z.strictObject({
  upTo: z
    .enum(['published', 'anchored'])
    .default('published')
    .describe('Whether the bundle ends at the newest published checkpoint or at the newest anchored one.'),
});
