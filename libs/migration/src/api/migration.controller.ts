import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { DatasetId, MigrationId, OpContext } from '#kernel';
import { ChangeMigrationService } from '../app/change-migration.service.js';
import { type CreateMigration, CreateMigrationService } from '../app/create-migration.service.js';
import { MigrationQueries } from '../app/migration.queries.js';
import { type RegisterSegments, RegisterSegmentsService } from '../app/register-segments.service.js';
import { SubmitManifestService } from '../app/submit-manifest.service.js';
import * as schemas from './migration.schemas.js';
import {
  migrationProgressView,
  migrationView,
  registeredSegmentsView,
  startedMigrationView,
} from './migration.view.js';

interface InMigration {
  migrationId: MigrationId;
}

@Controller('v1/migrations')
export class MigrationController {
  constructor(
    private readonly createMigration: CreateMigrationService,
    private readonly changeMigration: ChangeMigrationService,
    private readonly registerSegments: RegisterSegmentsService,
    private readonly submitManifest: SubmitManifestService,
    private readonly queries: MigrationQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Announce a move of data into a dataset',
    permission: 'migration:write',
    body: schemas.createMigrationSchema,
    reply: schemas.changedMigrationSchema,
    view: migrationView,
  })
  create(@Op() op: OpContext, @BodyInput() input: CreateMigration) {
    return this.createMigration.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List migrations',
    permission: 'migration:read',
    query: schemas.migrationListQuery,
    reply: schemas.migrationPage,
    view: pageView(migrationView),
  })
  list(@Op() op: OpContext, @QueryInput() { datasetId, ...page }: PageRequest & { datasetId?: DatasetId }) {
    return this.queries.listMigrations(op, page, datasetId);
  }

  @Endpoint({
    method: 'GET',
    path: ':migrationId',
    summary: 'Read a migration and how far it is',
    permission: 'migration:read',
    params: schemas.migrationParams,
    reply: schemas.migrationProgressSchema,
    view: migrationProgressView,
  })
  get(@Op() op: OpContext, @PathInput() { migrationId }: InMigration) {
    return this.queries.migration(op, migrationId);
  }

  @Endpoint({
    method: 'POST',
    path: ':migrationId/start',
    summary: 'Start a migration: the source is being read',
    permission: 'migration:write',
    status: 200,
    params: schemas.migrationParams,
    reply: schemas.startedMigrationSchema,
    view: startedMigrationView,
  })
  start(@Op() op: OpContext, @PathInput() { migrationId }: InMigration) {
    return this.changeMigration.start(op, migrationId);
  }

  @Endpoint({
    method: 'POST',
    path: ':migrationId/pause',
    summary: 'Pause a migration',
    permission: 'migration:write',
    status: 200,
    params: schemas.migrationParams,
    reply: schemas.changedMigrationSchema,
    view: migrationView,
  })
  pause(@Op() op: OpContext, @PathInput() { migrationId }: InMigration) {
    return this.changeMigration.pause(op, migrationId);
  }

  @Endpoint({
    method: 'POST',
    path: ':migrationId/resume',
    summary: 'Resume a paused migration where it was',
    permission: 'migration:write',
    status: 200,
    params: schemas.migrationParams,
    reply: schemas.changedMigrationSchema,
    view: migrationView,
  })
  resume(@Op() op: OpContext, @PathInput() { migrationId }: InMigration) {
    return this.changeMigration.resume(op, migrationId);
  }

  @Endpoint({
    method: 'POST',
    path: ':migrationId/cancel',
    summary: 'Give a migration up',
    permission: 'migration:write',
    status: 200,
    params: schemas.migrationParams,
    reply: schemas.changedMigrationSchema,
    view: migrationView,
  })
  cancel(@Op() op: OpContext, @PathInput() { migrationId }: InMigration) {
    return this.changeMigration.cancel(op, migrationId);
  }

  @Endpoint({
    method: 'POST',
    path: ':migrationId/segments',
    summary: 'Announce sealed segments and get upload tickets for those that are wanted',
    description: 'Announcing the same segments again changes nothing and tells how they stand.',
    permission: 'migration:write',
    status: 200,
    params: schemas.migrationParams,
    body: schemas.registerSegmentsSchema,
    reply: schemas.registeredSegmentsSchema,
    view: registeredSegmentsView,
    secretField: 'segments',
  })
  register(@Op() op: OpContext, @PathInput() { migrationId }: InMigration, @BodyInput() input: RegisterSegments) {
    return this.registerSegments.execute(op, migrationId, input);
  }

  @Endpoint({
    method: 'PUT',
    path: ':migrationId/manifest',
    summary: 'Submit the signed manifest; the version is committed when all its segments are placed',
    permission: 'migration:write',
    params: schemas.migrationParams,
    body: schemas.submitManifestSchema,
    reply: schemas.submittedMigrationSchema,
    view: migrationView,
  })
  manifest(
    @Op() op: OpContext,
    @PathInput() { migrationId }: InMigration,
    @BodyInput() { statement, signature }: { statement: string; signature: string },
  ) {
    return this.submitManifest.execute(op, migrationId, {
      statement: Buffer.from(statement, 'base64'),
      signature: Buffer.from(signature, 'hex'),
    });
  }
}
