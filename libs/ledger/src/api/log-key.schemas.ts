import { z } from 'zod';
import { recordedSchema, timestampSchema } from '#http';

const linkSchema = z.object({
  vkey: z.string().describe('The new key.'),
  endorsement: z.string().describe('A signed note by the key before it.'),
  index: z.int().describe('Of its entry: the new key signs checkpoints of more entries than that.'),
  opening: z.object({
    entryId: z.string(),
    body: z.string(),
    salt: z.string(),
    tenantSeq: z.int(),
    prevHash: z.string(),
    leaf: z.string(),
  }),
  proof: z.array(z.string()).describe("The entry's inclusion in the checkpoint: hashes in base64."),
});

export const logKeysSchema = z
  .object({
    keys: z.array(
      z.object({
        vkey: z.string().describe('The verifier key (c2sp.org/signed-note).'),
        firstSize: z.int().describe('The smallest checkpoint that it signs.'),
        lastSize: z.int().nullable().describe('The largest one; null while it is the newest key.'),
        entryId: z.string().nullable().describe('The entry that brought it in; null for the first key.'),
        createdAt: timestampSchema.nullable(),
      }),
    ),
    checkpoint: z.string().nullable().describe('The signed checkpoint that the links lead into.'),
    links: z.array(linkSchema).describe('From the first key to each later one: docs/formats/log-key-v1.md.'),
  })
  .meta({ id: 'LogKeys' });

export const startedRotationSchema = z
  .object({
    version: z.int(),
    vkey: z.string().describe('The new key. It signs once its entry is in the log, within the time of the promise.'),
    endorsement: z.string().describe('By the key before it.'),
    entryId: z.string(),
    ...recordedSchema.shape,
  })
  .meta({ id: 'LogKeyRotation' });
