import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { keyDocumentSchema } from '#dataset';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { DatasetId, OpContext } from '#kernel';
import { type CreateDataset, CreateDatasetService } from '../app/create-dataset.service.js';
import { DeleteDatasetService } from '../app/delete-dataset.service.js';
import { IssueRestoreTicketService } from '../app/issue-restore-ticket.service.js';
import { MigrationQueries } from '../app/migration.queries.js';
import { SetDatasetKeyService } from '../app/set-dataset-key.service.js';
import * as schemas from './dataset.schemas.js';
import { datasetView, deletedDatasetView, manifestSegmentView, manifestView, ticketView } from './dataset.view.js';

interface InDataset {
  datasetId: DatasetId;
}

@Controller('v1/datasets')
export class DatasetController {
  constructor(
    private readonly createDataset: CreateDatasetService,
    private readonly setKeyOf: SetDatasetKeyService,
    private readonly deleteDataset: DeleteDatasetService,
    private readonly restoreTicket: IssueRestoreTicketService,
    private readonly queries: MigrationQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Create a dataset',
    permission: 'migration:write',
    body: schemas.createDatasetSchema,
    reply: schemas.changedDatasetSchema,
    view: datasetView,
  })
  create(@Op() op: OpContext, @BodyInput() input: CreateDataset) {
    return this.createDataset.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List datasets',
    permission: 'migration:read',
    query: schemas.datasetListQuery,
    reply: schemas.datasetPage,
    view: pageView(datasetView),
  })
  list(@Op() op: OpContext, @QueryInput() { name, ...page }: PageRequest & { name?: string }) {
    return this.queries.listDatasets(op, page, name);
  }

  @Endpoint({
    method: 'GET',
    path: ':datasetId',
    summary: 'Read a dataset',
    permission: 'migration:read',
    params: schemas.datasetParams,
    reply: schemas.datasetSchema,
    view: datasetView,
  })
  get(@Op() op: OpContext, @PathInput() { datasetId }: InDataset) {
    return this.queries.dataset(op, datasetId);
  }

  @Endpoint({
    method: 'PUT',
    path: ':datasetId/key',
    summary: "Set a dataset's wrapped key, or wrap the same key to other recipients",
    permission: 'migration:write',
    params: schemas.datasetParams,
    body: keyDocumentSchema,
    reply: schemas.changedDatasetSchema,
    view: datasetView,
  })
  setKey(@Op() op: OpContext, @PathInput() { datasetId }: InDataset, @BodyInput() document: unknown) {
    return this.setKeyOf.execute(op, datasetId, document);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':datasetId',
    summary: 'Delete a dataset: its wrapped key at once, its shards by and by',
    permission: 'migration:write',
    params: schemas.datasetParams,
    status: 202,
    reply: schemas.deletedDatasetSchema,
    view: deletedDatasetView,
  })
  delete(@Op() op: OpContext, @PathInput() { datasetId }: InDataset) {
    return this.deleteDataset.execute(op, datasetId);
  }

  @Endpoint({
    method: 'GET',
    path: ':datasetId/manifests/:manifestVersion',
    summary: 'Read a committed version as its client signed it',
    permission: 'migration:read',
    params: schemas.manifestParams,
    reply: schemas.manifestSchema,
    view: manifestView,
  })
  manifest(@Op() op: OpContext, @PathInput() at: InDataset & { manifestVersion: number }) {
    return this.queries.manifest(op, at.datasetId, at.manifestVersion);
  }

  @Endpoint({
    method: 'GET',
    path: ':datasetId/manifests/:manifestVersion/segments',
    summary: 'List the segment records of a committed version, by ordinal',
    permission: 'migration:read',
    params: schemas.manifestParams,
    query: schemas.manifestSegmentQuery,
    reply: schemas.manifestSegmentPage,
    view: pageView(manifestSegmentView),
  })
  manifestSegments(
    @Op() op: OpContext,
    @PathInput() at: InDataset & { manifestVersion: number },
    @QueryInput() page: PageRequest,
  ) {
    return this.queries.manifestSegments(op, at.datasetId, at.manifestVersion, page);
  }

  @Endpoint({
    method: 'POST',
    path: ':datasetId/restore-ticket',
    summary: "Get a short-lived ticket for a dataset's ciphertext",
    permission: 'migration:read',
    change: false,
    status: 200,
    params: schemas.datasetParams,
    reply: schemas.restoreTicketSchema,
    view: ticketView,
  })
  ticket(@Op() op: OpContext, @PathInput() { datasetId }: InDataset) {
    return this.restoreTicket.execute(op, datasetId);
  }
}
