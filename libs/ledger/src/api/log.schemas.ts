import { z } from 'zod';
import { MAX_LEAVES } from '../app/open-log.queries.js';

export const logSchema = z
  .object({
    origin: z.string().describe('The name of the log, unique to this deployment.'),
    vkey: z.string().describe('The verifier key (c2sp.org/signed-note): what an auditor pins.'),
    size: z.int().describe('Entries that a published checkpoint covers.'),
    root: z.string().nullable().describe('The root at that size, hexadecimal; null before the first checkpoint.'),
    publishedAt: z.string().nullable(),
  })
  .meta({ id: 'Log' });

export const tileParams = z.strictObject({
  '*': z.string().max(100).describe('`<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`, as c2sp.org/tlog-tiles has it.'),
});

const indexSchema = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

export const proofParams = z.strictObject({ index: indexSchema.describe('Of the entry, from 0.') });

export const consistencyQuery = z.strictObject({
  from: indexSchema.describe('Size of the smaller tree.'),
  to: indexSchema.optional().describe('Size of the larger tree; the newest published one unless given.'),
});

export const consistencySchema = z
  .object({
    from: z.int(),
    to: z.int(),
    hashes: z.array(z.string()).describe('The proof: hashes in base64, as RFC 9162 section 2.1.4.2 takes them.'),
  })
  .meta({ id: 'LogConsistency' });

export const leavesQuery = z.strictObject({
  from: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0).describe('Index of the first leaf.'),
  limit: z.coerce.number().int().min(1).max(MAX_LEAVES).default(256).describe('How many at most.'),
});

export const leavesSchema = z
  .object({
    size: z.int().describe('Leaves that a published checkpoint covers.'),
    items: z.array(
      z.object({
        index: z.int(),
        hash: z.string().describe('RFC 6962 leaf hash, hexadecimal.'),
        leaf: z.string().describe("The leaf's bytes, base64: canonical JSON."),
      }),
    ),
  })
  .meta({ id: 'LogLeaves' });
