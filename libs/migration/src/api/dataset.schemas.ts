import { z } from 'zod';
import { keyDocumentSchema, segmentRecordSchema } from '#dataset';
import { idSchema, nameSchema, pageQuery, pageSchema, recordedSchema, timestampSchema } from '#http';

export const createDatasetSchema = z.strictObject({ name: nameSchema.describe('Unique among your datasets.') });

export const datasetSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    state: z.enum(['empty', 'filled', 'deleting']).describe('empty until a first version is committed.'),
    dataShards: z.int().describe('Any so many shards of a segment bring it back.'),
    parityShards: z.int().describe('So many shards of a segment can be lost.'),
    manifestVersion: z.int().nullable().describe('The newest committed version.'),
    key: keyDocumentSchema.nullable().describe('The dataset key, wrapped to your age recipients and signed by you.'),
    version: z.int(),
    createdAt: timestampSchema,
  })
  .meta({ id: 'Dataset' });

export const changedDatasetSchema = datasetSchema.extend(recordedSchema.shape);
export const deletedDatasetSchema = datasetSchema.extend({
  ...recordedSchema.partial().shape,
  operationId: z.string().describe('Watch the removal at GET /v1/operations/<id>/events.'),
});
export const datasetPage = pageSchema(datasetSchema);
export const datasetParams = z.strictObject({ datasetId: idSchema('dataset') });
export const datasetListQuery = z.strictObject({ ...pageQuery, name: nameSchema.optional() });

const versionParam = z.coerce.number().int().min(1).max(2_000_000_000);
export const manifestParams = z.strictObject({ datasetId: idSchema('dataset'), manifestVersion: versionParam });
export const manifestSegmentQuery = z.strictObject(pageQuery);

export const manifestSchema = z
  .object({
    datasetId: z.string(),
    manifestVersion: z.int(),
    migrationId: z.string(),
    statement: z.string().describe('The signed statement, exactly its bytes, base64.'),
    signature: z.string().describe('Ed25519 over the content root, hexadecimal.'),
    signer: z.string().describe('Ed25519 public key, hexadecimal.'),
    contentRoot: z.string().describe('What the ledger holds, hexadecimal.'),
    ledgerEntryId: z.string(),
    committedAt: timestampSchema,
  })
  .meta({ id: 'Manifest' });

export const manifestSegmentPage = pageSchema(
  z.object({ ordinal: z.int(), record: segmentRecordSchema }).meta({ id: 'ManifestSegment' }),
);

export const restoreTicketSchema = z.object({
  url: z.string().describe('GET <url>/<segment id> with `Authorization: Ticket <ticket>`.'),
  ticket: z.string(),
  expiresAt: timestampSchema,
});
