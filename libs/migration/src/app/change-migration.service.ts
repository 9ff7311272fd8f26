import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { Outbox, type Tx, UnitOfWork } from '#database';
import { Clock, ConflictError, type MigrationId, type OpContext, type OperationId, requireMatch } from '#kernel';
import { LedgerWriter } from '#ledger';
import { Operations } from '#operations';
import { afterEvent } from '../domain/migration-state.js';
import type { MigrationEntity } from '../infra/migration.entity.js';
import { MigrationRepository } from '../infra/migration.repository.js';
import { migrationRecord } from './migration-records.js';
import { MIGRATION_OPERATION, topicKey, VERIFICATION_TOPIC } from './topics.js';

/** A migration that was started, with the operation to watch it by. */
export interface StartedMigration {
  migration: MigrationEntity;
  operationId: OperationId;
}

/** What a tenant does to a migration by name. Each is recorded. */
@Injectable()
export class ChangeMigrationService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly migrations: MigrationRepository,
    private readonly ledger: LedgerWriter,
    private readonly outbox: Outbox,
    private readonly operations: Operations,
  ) {}

  start(ctx: OpContext, id: MigrationId): Promise<StartedMigration> {
    return this.uow.run(ctx, async (tx) => {
      const migration = await this.change(tx, ctx, id, 'migration.started', ({ state }) => ({
        state: afterEvent(id, state, 'start'),
        startedAt: this.clock.now(),
      }));
      const resource = { type: 'migration', id };
      const started = { kind: MIGRATION_OPERATION, resource, total: 0, unit: 'segments' };
      return { migration, operationId: await this.operations.start(tx, started) };
    });
  }

  pause(ctx: OpContext, id: MigrationId): Promise<MigrationEntity> {
    return this.uow.run(ctx, (tx) =>
      this.change(tx, ctx, id, 'migration.paused', (migration) => ({
        state: afterEvent(id, migration.state, 'pause'),
        resumeState: migration.state,
      })),
    );
  }

  /** Back to where it was paused. */
  resume(ctx: OpContext, id: MigrationId): Promise<MigrationEntity> {
    return this.uow.run(ctx, (tx) =>
      this.change(tx, ctx, id, 'migration.resumed', (migration) => {
        if (migration.state !== 'paused' || !migration.resumeState) {
          throw new ConflictError(
            'MigrationState',
            `The migration ${id} is ${migration.state}; only a paused one is resumed.`,
          );
        }
        return { state: migration.resumeState, resumeState: null };
      }),
    );
  }

  /** Gives the migration up. What it uploaded stays until the dataset is deleted; a later one uses it again. */
  cancel(ctx: OpContext, id: MigrationId): Promise<MigrationEntity> {
    return this.uow.run(ctx, async (tx) => {
      const migration = await this.change(tx, ctx, id, 'migration.cancelled', ({ state }) => ({
        state: afterEvent(id, state, 'fail'),
        resumeState: null,
        reason: 'cancelled',
        finishedAt: this.clock.now(),
      }));
      await this.operations.cancel(tx, { tenantId: ctx.tenantId, resourceId: id, kind: MIGRATION_OPERATION });
      return migration;
    });
  }

  private async change(
    tx: Tx,
    ctx: OpContext,
    id: MigrationId,
    action: string,
    decide: (migration: MigrationEntity) => Partial<MigrationEntity>,
  ): Promise<MigrationEntity> {
    requirePermission(ctx, 'migration:write');
    const migration = await this.migrations.lock(tx, ctx.tenantId, id);
    requireMatch(ctx, migration);
    const before = migrationRecord(migration);
    Object.assign(migration, decide(migration), { version: migration.version + 1 });
    await this.migrations.save(tx, migration);
    // Segments that were placed during the pause gave no hint.
    if (migration.state === 'verifying') {
      this.outbox.add(tx, { topic: VERIFICATION_TOPIC, key: topicKey(ctx.tenantId, id) });
    }
    this.ledger.append(tx, {
      class: 'migration',
      action,
      resource: { type: 'migration', id, version: migration.version },
      scopeId: migration.datasetId,
      before,
      after: migrationRecord(migration),
    });
    return migration;
  }
}
