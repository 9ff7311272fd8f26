import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { SegmentRecord } from '#dataset';
import {
  ConflictError,
  type DatasetId,
  type MigrationId,
  type SegmentId,
  type StorageNodeId,
  type TenantId,
} from '#kernel';

export type SegmentState = 'registered' | 'staged' | 'placed';

/** A segment as the server holds it: its record and how far it has come. */
export interface StoredSegment {
  tenantId: TenantId;
  datasetId: DatasetId;
  migrationId: MigrationId;
  ordinal: number;
  state: SegmentState;
  reason: string | null;
  record: SegmentRecord;
}

/** One shard's place. `name` is the SHA-256 of its bytes, hex. */
export interface ShardPlace {
  slot: number;
  nodeId: StorageNodeId;
  name: string;
  size: number;
}

export interface SegmentTotals {
  registered: number;
  staged: number;
  placed: number;
  /** Ciphertext bytes of all, and of the placed ones. */
  bytes: number;
  placedBytes: number;
}

interface SegmentRow {
  tenant_id: TenantId;
  id: SegmentId;
  dataset_id: DatasetId;
  migration_id: MigrationId;
  ordinal: number;
  kind: SegmentRecord['kind'];
  sha256: Buffer;
  size: number;
  data_shards: number;
  parity_shards: number;
  shard_roots: Buffer;
  wrapped_key: Buffer;
  state: SegmentState;
  reason: string | null;
}

const COLUMNS = `s.tenant_id, s.id, s.dataset_id, s.migration_id, s.ordinal, s.kind, s.sha256, s.size, s.data_shards,
  s.parity_shards, s.shard_roots, s.wrapped_key, s.state, s.reason`;

function fromRow(row: SegmentRow): StoredSegment {
  const roots: string[] = [];
  for (let at = 0; at < row.shard_roots.length; at += 32) roots.push(row.shard_roots.toString('hex', at, at + 32));
  return {
    tenantId: row.tenant_id,
    datasetId: row.dataset_id,
    migrationId: row.migration_id,
    ordinal: row.ordinal,
    state: row.state,
    reason: row.reason,
    record: {
      v: 1,
      id: row.id,
      kind: row.kind,
      sha256: row.sha256.toString('hex'),
      size: row.size,
      k: row.data_shards,
      m: row.parity_shards,
      roots,
      key: row.wrapped_key.toString('base64'),
    },
  };
}

/** Segments and shards: hot rows, hence plain SQL. */
@Injectable()
export class SegmentRepository {
  async find(tx: Tx, tenantId: TenantId, id: SegmentId): Promise<StoredSegment | null> {
    const [row] = await tx.query<SegmentRow>(`SELECT ${COLUMNS} FROM segment s WHERE s.tenant_id = $1 AND s.id = $2`, [
      tenantId,
      id,
    ]);
    return row ? fromRow(row) : null;
  }

  async findMany(tx: Tx, tenantId: TenantId, ids: readonly SegmentId[]): Promise<Map<SegmentId, StoredSegment>> {
    const rows = await tx.query<SegmentRow>(
      `SELECT ${COLUMNS} FROM segment s WHERE s.tenant_id = $1 AND s.id = ANY ($2)`,
      [tenantId, [...ids]],
    );
    return new Map(rows.map((row) => [row.id, fromRow(row)]));
  }

  /** Adds announced segments with the ordinals given. Ids that another dataset of the tenant has are a conflict. */
  async insert(
    tx: Tx,
    place: { tenantId: TenantId; datasetId: DatasetId; migrationId: MigrationId; firstOrdinal: number },
    records: readonly SegmentRecord[],
  ): Promise<void> {
    if (records.length === 0) return;
    const inserted = await tx.execute(
      `INSERT INTO segment (tenant_id, dataset_id, migration_id, ordinal, id, kind, sha256, size, data_shards, parity_shards,
                            shard_roots, wrapped_key)
       SELECT $1, $2, $3, $4 + n.position - 1, n.id, n.kind, n.sha256, n.size, n.k, n.m, n.roots, n.key
         FROM unnest($5::text[], $6::text[], $7::bytea[], $8::int[], $9::int[], $10::int[], $11::bytea[], $12::bytea[])
              WITH ORDINALITY AS n (id, kind, sha256, size, k, m, roots, key, position)
       ON CONFLICT (tenant_id, id) DO NOTHING`,
      [
        place.tenantId,
        place.datasetId,
        place.migrationId,
        place.firstOrdinal,
        records.map((record) => record.id),
        records.map((record) => record.kind),
        records.map((record) => Buffer.from(record.sha256, 'hex')),
        records.map((record) => record.size),
        records.map((record) => record.k),
        records.map((record) => record.m),
        records.map((record) => Buffer.from(record.roots.join(''), 'hex')),
        records.map((record) => Buffer.from(record.key, 'base64')),
      ],
    );
    if (inserted !== records.length) {
      throw new ConflictError('SegmentTaken', 'One of these segment ids is taken; draw new ones.');
    }
  }

  /** Registered becomes staged. False when it was staged or placed already. */
  async markStaged(tx: Tx, tenantId: TenantId, id: SegmentId): Promise<boolean> {
    return (
      (await tx.execute(
        "UPDATE segment SET state = 'staged', reason = NULL WHERE tenant_id = $1 AND id = $2 AND state = 'registered'",
        [tenantId, id],
      )) === 1
    );
  }

  /** Back to registered, because its ciphertext is gone or was changed: the client uploads it again. */
  async markLost(tx: Tx, tenantId: TenantId, id: SegmentId, epoch: number, reason: string): Promise<void> {
    await tx.execute(
      `UPDATE segment SET state = 'registered', reason = $4
        WHERE tenant_id = $1 AND id = $2 AND placement_epoch = $3 AND state = 'staged'`,
      [tenantId, id, epoch, reason],
    );
  }

  async noteReason(tx: Tx, tenantId: TenantId, id: SegmentId, epoch: number, reason: string): Promise<void> {
    await tx.execute('UPDATE segment SET reason = $4 WHERE tenant_id = $1 AND id = $2 AND placement_epoch = $3', [
      tenantId,
      id,
      epoch,
      reason,
    ]);
  }

  /** Takes the segment's placement over: the number returned fences every earlier one. Null unless it is staged. */
  async claimPlacement(tx: Tx, tenantId: TenantId, id: SegmentId): Promise<number | null> {
    const [row] = await tx.query<{ placement_epoch: number }>(
      `UPDATE segment SET placement_epoch = placement_epoch + 1
        WHERE tenant_id = $1 AND id = $2 AND state = 'staged' RETURNING placement_epoch`,
      [tenantId, id],
    );
    return row?.placement_epoch ?? null;
  }

  /**
   * Records the shards and marks the segment placed, if this placement is still the newest. False when another took over:
   * then nothing was written.
   */
  async commitPlacement(
    tx: Tx,
    tenantId: TenantId,
    id: SegmentId,
    epoch: number,
    shards: readonly ShardPlace[],
  ): Promise<boolean> {
    const placed = await tx.execute(
      `UPDATE segment SET state = 'placed', placed_at = now(), reason = NULL
        WHERE tenant_id = $1 AND id = $2 AND placement_epoch = $3 AND state = 'staged'`,
      [tenantId, id, epoch],
    );
    if (placed === 0) return false;
    await tx.execute(
      `INSERT INTO shard (tenant_id, segment_id, slot, node_id, name, size, placement_epoch)
       SELECT $1, $2, n.slot, n.node, n.name, n.size, $3
         FROM unnest($4::smallint[], $5::text[], $6::bytea[], $7::int[]) AS n (slot, node, name, size)`,
      [
        tenantId,
        id,
        epoch,
        shards.map((shard) => shard.slot),
        shards.map((shard) => shard.nodeId),
        shards.map((shard) => Buffer.from(shard.name, 'hex')),
        shards.map((shard) => shard.size),
      ],
    );
    return true;
  }

  async shardsOf(tx: Tx, tenantId: TenantId, id: SegmentId): Promise<ShardPlace[]> {
    const rows = await tx.query<{ slot: number; node_id: StorageNodeId; name: Buffer; size: number }>(
      'SELECT slot, node_id, name, size FROM shard WHERE tenant_id = $1 AND segment_id = $2 ORDER BY slot',
      [tenantId, id],
    );
    return rows.map((row) => ({ slot: row.slot, nodeId: row.node_id, name: row.name.toString('hex'), size: row.size }));
  }

  /** Segments of a dataset that is being deleted; none while it is not. */
  async idsOfDeleted(tx: Tx, tenantId: TenantId, datasetId: DatasetId, limit: number): Promise<SegmentId[]> {
    const rows = await tx.query<{ id: SegmentId }>(
      `SELECT s.id FROM segment s JOIN dataset d ON d.tenant_id = s.tenant_id AND d.id = s.dataset_id AND d.deleting
        WHERE s.tenant_id = $1 AND s.dataset_id = $2 ORDER BY s.ordinal LIMIT $3`,
      [tenantId, datasetId, limit],
    );
    return rows.map((row) => row.id);
  }

  async countOf(tx: Tx, tenantId: TenantId, datasetId: DatasetId): Promise<number> {
    const [row] = await tx.query<{ n: number }>(
      'SELECT count(*)::integer AS n FROM segment WHERE tenant_id = $1 AND dataset_id = $2',
      [tenantId, datasetId],
    );
    return row?.n ?? 0;
  }

  /** Removes segments with the record of their shards; the shards themselves are gone by then. Gives how many there were. */
  async deleteMany(tx: Tx, tenantId: TenantId, ids: readonly SegmentId[]): Promise<number> {
    await tx.execute('DELETE FROM shard WHERE tenant_id = $1 AND segment_id = ANY ($2)', [tenantId, [...ids]]);
    return tx.execute('DELETE FROM segment WHERE tenant_id = $1 AND id = ANY ($2)', [tenantId, [...ids]]);
  }

  /** The dataset's segments from `from` on whose ordinals lie in `ranges`, ascending, at most `limit`. */
  async inRanges(
    tx: Tx,
    tenantId: TenantId,
    datasetId: DatasetId,
    ranges: readonly (readonly [number, number])[],
    from: number,
    limit: number,
  ): Promise<StoredSegment[]> {
    const rows = await tx.query<SegmentRow>(
      `SELECT ${COLUMNS} FROM segment s
        WHERE s.tenant_id = $1 AND s.dataset_id = $2 AND s.ordinal >= $5
          AND EXISTS (SELECT 1 FROM unnest($3::int[], $4::int[]) AS r (first, last)
                       WHERE s.ordinal BETWEEN r.first AND r.last)
        ORDER BY s.ordinal LIMIT $6`,
      [tenantId, datasetId, ranges.map(([first]) => first), ranges.map(([, last]) => last), from, limit],
    );
    return rows.map(fromRow);
  }

  /** How many of these segments wait for their ciphertext: it never came, or was lost before it was placed. */
  async missingInRanges(
    tx: Tx,
    tenantId: TenantId,
    datasetId: DatasetId,
    ranges: readonly (readonly [number, number])[],
  ): Promise<number> {
    const [row] = await tx.query<{ n: string }>(
      `SELECT count(*) AS n FROM segment s
        WHERE s.tenant_id = $1 AND s.dataset_id = $2 AND s.state = 'registered'
          AND EXISTS (SELECT 1 FROM unnest($3::int[], $4::int[]) AS r (first, last)
                       WHERE s.ordinal BETWEEN r.first AND r.last)`,
      [tenantId, datasetId, ranges.map(([first]) => first), ranges.map(([, last]) => last)],
    );
    return Number(row?.n ?? 0);
  }

  async totalsOf(tx: Tx, tenantId: TenantId, migrationId: MigrationId): Promise<SegmentTotals> {
    const [row] = await tx.query<Record<keyof SegmentTotals, string>>(
      `SELECT count(*) FILTER (WHERE state = 'registered') AS registered,
              count(*) FILTER (WHERE state = 'staged') AS staged,
              count(*) FILTER (WHERE state = 'placed') AS placed,
              coalesce(sum(size), 0) AS bytes,
              coalesce(sum(size) FILTER (WHERE state = 'placed'), 0) AS "placedBytes"
         FROM segment WHERE tenant_id = $1 AND migration_id = $2`,
      [tenantId, migrationId],
    );
    return {
      registered: Number(row?.registered ?? 0),
      staged: Number(row?.staged ?? 0),
      placed: Number(row?.placed ?? 0),
      bytes: Number(row?.bytes ?? 0),
      placedBytes: Number(row?.placedBytes ?? 0),
    };
  }

  /** Why segments of a migration are not placed yet, each reason once. */
  async waitingReasons(tx: Tx, tenantId: TenantId, migrationId: MigrationId): Promise<string[]> {
    const rows = await tx.query<{ reason: string }>(
      `SELECT DISTINCT reason FROM segment
        WHERE tenant_id = $1 AND migration_id = $2 AND state <> 'placed' AND reason IS NOT NULL ORDER BY reason LIMIT 10`,
      [tenantId, migrationId],
    );
    return rows.map((row) => row.reason);
  }

  /** Ciphertext bytes of all tenants that wait on the staging disk; for the system role. */
  async stagedBytes(tx: Tx): Promise<number> {
    const [row] = await tx.query<{ n: string }>(
      "SELECT coalesce(sum(size), 0) AS n FROM segment WHERE state = 'staged'",
    );
    return Number(row?.n ?? 0);
  }
}
