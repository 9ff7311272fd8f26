import { z } from 'zod';
import { segmentRecordSchema } from '#dataset';
import { idSchema, pageQuery, pageSchema, recordedSchema, textSchema, timestampSchema } from '#http';
import { MIGRATION_STATES } from '../domain/migration-state.js';

/** Records in one announcement: well below a megabyte. */
const MOST_SEGMENTS = 256;

export const createMigrationSchema = z.strictObject({
  datasetId: idSchema('dataset'),
  source: textSchema(255).optional().describe('What you call the source; for people.'),
});

export const migrationSchema = z
  .object({
    id: z.string(),
    datasetId: z.string(),
    state: z.enum(MIGRATION_STATES),
    reason: z.string().nullable(),
    source: z.string().nullable(),
    scannedFiles: z.int(),
    scannedBytes: z.int(),
    manifestVersion: z.int().nullable(),
    version: z.int(),
    createdAt: timestampSchema,
    startedAt: timestampSchema.nullable(),
    finishedAt: timestampSchema.nullable(),
  })
  .meta({ id: 'Migration' });

export const migrationProgressSchema = migrationSchema
  .extend({
    segments: z.object({
      registered: z.int().describe('Announced; their ciphertext is wanted.'),
      staged: z.int().describe('Received; to be spread over the storage nodes.'),
      placed: z.int().describe('Every shard was written and read back.'),
      bytes: z.int().describe('Ciphertext of all.'),
      placedBytes: z.int(),
      missing: z.int().describe('Of the submitted manifest: to be uploaded again, because the ciphertext was lost.'),
    }),
    waiting: z.array(z.string()).describe('Why segments are not placed yet, when something is in the way.'),
  })
  .meta({ id: 'MigrationProgress' });

export const changedMigrationSchema = migrationSchema.extend(recordedSchema.shape);
export const startedMigrationSchema = changedMigrationSchema.extend({
  operationId: z.string().describe('Watch it at GET /v1/operations/<id>/events.'),
});
/** Submitting the same again changes nothing, and records nothing. */
export const submittedMigrationSchema = migrationSchema.extend(recordedSchema.partial().shape);
export const migrationPage = pageSchema(migrationSchema);
export const migrationParams = z.strictObject({ migrationId: idSchema('migration') });
export const migrationListQuery = z.strictObject({ ...pageQuery, datasetId: idSchema('dataset').optional() });

export const registerSegmentsSchema = z.strictObject({
  segments: z.array(segmentRecordSchema).min(1).max(MOST_SEGMENTS),
  scanned: z
    .strictObject({ files: z.int().min(0), bytes: z.int().min(0) })
    .optional()
    .describe('What you have read so far.'),
});

export const registeredSegmentsSchema = z.object({
  ...recordedSchema.partial().shape,
  segments: z
    .array(
      z.object({
        id: z.string(),
        ordinal: z.int(),
        state: z.enum(['registered', 'staged', 'placed']),
        reason: z.string().nullable(),
        upload: z
          .object({ url: z.string(), ticket: z.string(), expiresAt: timestampSchema })
          .nullable()
          .describe('PUT the ciphertext to the url with `Authorization: Ticket <ticket>`.'),
      }),
    )
    .nullable(),
});

export const submitManifestSchema = z.strictObject({
  statement: z.base64().max(900_000).describe('The statement in canonical JSON, base64.'),
  signature: z
    .string()
    .regex(/^[0-9a-f]{128}$/)
    .describe('Ed25519 over the content root, hexadecimal.'),
});
