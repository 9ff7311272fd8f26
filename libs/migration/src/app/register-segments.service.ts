import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { type SegmentRecord, segmentRecordBytes } from '#dataset';
import { Clock, ConflictError, InvalidInputError, type MigrationId, type OpContext, type SegmentId } from '#kernel';
import { LedgerWriter } from '#ledger';
import { Operations } from '#operations';
import { afterEvent, takesSegments } from '../domain/migration-state.js';
import type { DatasetEntity } from '../infra/dataset.entity.js';
import { DatasetRepository } from '../infra/dataset.repository.js';
import type { MigrationEntity } from '../infra/migration.entity.js';
import { MigrationRepository } from '../infra/migration.repository.js';
import { SegmentRepository, type StoredSegment } from '../infra/segment.repository.js';
import { migrationRecord } from './migration-records.js';
import { type IssuedTicket, TicketIssuer } from './ticket-issuer.js';
import { MIGRATION_OPERATION } from './topics.js';

export interface RegisterSegments {
  segments: SegmentRecord[];
  /** What the client has read so far; for people who watch. */
  scanned?: { files: number; bytes: number };
}

/** A segment as it stands now; with a ticket while its ciphertext is wanted. */
export interface RegisteredSegment {
  segment: StoredSegment;
  ticket: IssuedTicket | null;
}

@Injectable()
export class RegisterSegmentsService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly datasets: DatasetRepository,
    private readonly migrations: MigrationRepository,
    private readonly segments: SegmentRepository,
    private readonly tickets: TicketIssuer,
    private readonly operations: Operations,
    private readonly ledger: LedgerWriter,
  ) {}

  /**
   * Announces sealed segments and gives each its ordinal, state and, while its ciphertext is wanted, an upload ticket.
   * Announcing the same again changes nothing and gives the state of now: that is how an interrupted client goes on.
   * The segments are not in the ledger: the signed manifest names every one that counts.
   */
  execute(ctx: OpContext, id: MigrationId, input: RegisterSegments): Promise<RegisteredSegment[]> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'migration:write');
      const { datasetId } = await this.migrations.get(tx, ctx.tenantId, id);
      const dataset = await this.datasets.lock(tx, ctx.tenantId, datasetId);
      const migration = await this.migrations.lock(tx, ctx.tenantId, id);
      if (!takesSegments(migration.state)) {
        throw new ConflictError(
          'MigrationState',
          `The migration ${id} is ${migration.state} and takes no segments${migration.state === 'paused' ? ' until it is resumed' : ''}.`,
          { extra: { state: migration.state } },
        );
      }
      requireShape(dataset, input.segments);
      const known = await this.store(tx, dataset, migration, input.segments);
      const wanted = [...known.values()].some((segment) => segment.state === 'registered');
      await this.noteProgress(tx, dataset, migration, wanted, input.scanned);
      const now = this.clock.now();
      return Promise.all(
        input.segments.map(async ({ id: segmentId }) => {
          const segment = known.get(segmentId)!;
          const ticket =
            segment.state === 'registered' ? await this.tickets.upload(ctx.tenantId, segment.record, now) : null;
          return { segment, ticket };
        }),
      );
    });
  }

  private async store(
    tx: Tx,
    dataset: DatasetEntity,
    migration: MigrationEntity,
    records: SegmentRecord[],
  ): Promise<Map<SegmentId, StoredSegment>> {
    const { tenantId } = dataset;
    const ids = records.map((record) => record.id);
    const before = await this.segments.findMany(tx, tenantId, ids);
    for (const record of records) {
      const stored = before.get(record.id);
      if (stored && !isSame(stored, dataset, record)) {
        throw new ConflictError(
          'SegmentTaken',
          `The segment id ${record.id} stands for something else; draw a new one.`,
        );
      }
    }
    const fresh = records.filter((record) => !before.has(record.id));
    if (fresh.length === 0) return before;
    await this.segments.insert(
      tx,
      { tenantId, datasetId: dataset.id, migrationId: migration.id, firstOrdinal: dataset.nextOrdinal },
      fresh,
    );
    dataset.nextOrdinal += fresh.length;
    const operation = { tenantId, resourceId: migration.id, kind: MIGRATION_OPERATION };
    this.operations.advance(tx, operation, { total: fresh.length });
    await this.datasets.save(tx, dataset);
    return this.segments.findMany(tx, tenantId, ids);
  }

  private async noteProgress(
    tx: Tx,
    dataset: DatasetEntity,
    migration: MigrationEntity,
    wanted: boolean,
    scanned: RegisterSegments['scanned'],
  ): Promise<void> {
    const event = dataset.manifestVersion === null ? 'copy' : 'sync';
    const state = wanted ? afterEvent(migration.id, migration.state, event) : migration.state;
    const before = migrationRecord(migration);
    const moves = state !== migration.state;
    Object.assign(migration, {
      scannedFiles: scanned?.files ?? migration.scannedFiles,
      scannedBytes: scanned?.bytes ?? migration.scannedBytes,
      version: moves ? migration.version + 1 : migration.version,
      state,
    });
    await this.migrations.save(tx, migration);
    if (!moves) return;
    this.ledger.append(tx, {
      class: 'migration',
      action: 'migration.upload-begun',
      resource: { type: 'migration', id: migration.id, version: migration.version },
      scopeId: migration.datasetId,
      before,
      after: migrationRecord(migration),
    });
  }
}

function isSame(stored: StoredSegment, dataset: DatasetEntity, record: SegmentRecord): boolean {
  return (
    stored.datasetId === dataset.id && Buffer.from(segmentRecordBytes(stored.record)).equals(segmentRecordBytes(record))
  );
}

/** @throws InvalidInputError unless every segment is cut as its dataset is, and none is there twice */
function requireShape(dataset: DatasetEntity, records: readonly SegmentRecord[]): void {
  const seen = new Set<SegmentId>();
  for (const [index, record] of records.entries()) {
    if (record.k !== dataset.dataShards || record.m !== dataset.parityShards) {
      throw new InvalidInputError([
        {
          pointer: `/segments/${index}`,
          rule: 'segment.shape',
          message: `cut ${record.k}+${record.m}, but the dataset is cut ${dataset.dataShards}+${dataset.parityShards}`,
          fix: `use k ${dataset.dataShards} and m ${dataset.parityShards}`,
        },
      ]);
    }
    if (seen.has(record.id)) {
      throw new InvalidInputError([
        {
          pointer: `/segments/${index}/id`,
          rule: 'segment.once',
          message: 'this segment is in the request twice',
          fix: 'announce each segment once',
        },
      ]);
    }
    seen.add(record.id);
  }
}
