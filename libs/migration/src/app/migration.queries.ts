import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { decodeCursor, encodeCursor, type Page, type PageRequest, type Tx, UnitOfWork } from '#database';
import { verifyManifest } from '#dataset';
import { type DatasetId, InvalidInputError, type MigrationId, type OpContext, type StorageNodeId } from '#kernel';
import { foldName } from '#tenancy';
import type { DatasetEntity } from '../infra/dataset.entity.js';
import { DatasetRepository } from '../infra/dataset.repository.js';
import { ManifestRepository, type StoredManifest } from '../infra/manifest.repository.js';
import type { MigrationEntity } from '../infra/migration.entity.js';
import { MigrationRepository } from '../infra/migration.repository.js';
import { SegmentRepository, type SegmentTotals, type StoredSegment } from '../infra/segment.repository.js';
import type { StorageNodeEntity } from '../infra/storage-node.entity.js';
import { StorageNodeRepository } from '../infra/storage-node.repository.js';

/** A migration with how far its segments are, and why those that wait do. */
export interface MigrationProgress {
  migration: MigrationEntity;
  totals: SegmentTotals;
  /** Segments of the submitted manifest whose ciphertext must be uploaded again. */
  missing: number;
  waiting: string[];
}

/** Reads of datasets, manifests and migrations. */
@Injectable()
export class MigrationQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly datasets: DatasetRepository,
    private readonly migrations: MigrationRepository,
    private readonly manifests: ManifestRepository,
    private readonly segments: SegmentRepository,
    private readonly nodes: StorageNodeRepository,
  ) {}

  dataset(ctx: OpContext, id: DatasetId): Promise<DatasetEntity> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'migration:read');
      return this.datasets.get(tx, ctx.tenantId, id);
    });
  }

  listDatasets(ctx: OpContext, page: PageRequest, name?: string): Promise<Page<DatasetEntity>> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'migration:read');
      return this.datasets.list(tx, ctx.tenantId, page, name === undefined ? {} : { nameFolded: foldName(name) });
    });
  }

  /** A committed manifest. @throws NotFoundError */
  manifest(ctx: OpContext, id: DatasetId, version: number): Promise<StoredManifest> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'migration:read');
      return this.manifests.committed(tx, ctx.tenantId, id, version);
    });
  }

  /** The segments of a committed manifest in ascending ordinal: the records under its segments root. */
  manifestSegments(ctx: OpContext, id: DatasetId, version: number, page: PageRequest): Promise<Page<StoredSegment>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'migration:read');
      const manifest = await this.manifests.committed(tx, ctx.tenantId, id, version);
      const { ranges } = verifyManifest(manifest, [manifest.signer]).statement.segments;
      const from = firstOrdinal(page.cursor);
      const found = await this.segments.inRanges(tx, ctx.tenantId, id, ranges, from, page.limit + 1);
      const items = found.slice(0, page.limit);
      const more = found.length > page.limit;
      return { items, nextCursor: more ? encodeCursor(String(items.at(-1)!.ordinal)) : null };
    });
  }

  migration(ctx: OpContext, id: MigrationId): Promise<MigrationProgress> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'migration:read');
      const migration = await this.migrations.get(tx, ctx.tenantId, id);
      const totals = await this.segments.totalsOf(tx, ctx.tenantId, id);
      const waiting = await this.segments.waitingReasons(tx, ctx.tenantId, id);
      return { migration, totals, missing: await this.missing(tx, migration), waiting };
    });
  }

  private async missing(tx: Tx, { tenantId, datasetId, state, manifestVersion }: MigrationEntity): Promise<number> {
    if (state !== 'verifying' || manifestVersion === null) return 0;
    const manifest = await this.manifests.find(tx, tenantId, datasetId, manifestVersion);
    if (!manifest) return 0;
    const { ranges } = verifyManifest(manifest, [manifest.signer]).statement.segments;
    return this.segments.missingInRanges(tx, tenantId, datasetId, ranges);
  }

  listMigrations(ctx: OpContext, page: PageRequest, datasetId?: DatasetId): Promise<Page<MigrationEntity>> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'migration:read');
      return this.migrations.list(tx, ctx.tenantId, page, datasetId === undefined ? {} : { datasetId });
    });
  }

  storageNode(ctx: OpContext, id: StorageNodeId): Promise<StorageNodeEntity> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'system:node:read');
      return this.nodes.get(tx, id);
    });
  }

  listStorageNodes(ctx: OpContext, page: PageRequest): Promise<Page<StorageNodeEntity>> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'system:node:read');
      return this.nodes.list(tx, page);
    });
  }
}

/** The cursor of a list of segments is the ordinal of the last one seen. */
function firstOrdinal(cursor: string | undefined): number {
  const last = decodeCursor(cursor);
  if (last === null) return 0;
  if (/^\d{1,9}$/.test(last)) return Number(last) + 1;
  throw new InvalidInputError([
    {
      pointer: '/query/cursor',
      rule: 'cursor.opaque',
      message: 'not a cursor of this list',
      fix: 'use the nextCursor of the previous page, or leave it out',
    },
  ]);
}
