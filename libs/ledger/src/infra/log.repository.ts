import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { Tile, TileData } from '#merkle';
import type { ChainHead, PendingEntry, PlacedEntry } from '../domain/place-entries.js';
import type { LogHead } from '../domain/rollback-guard.js';

export interface StoredHead extends LogHead {
  epoch: number;
  holder: string | null;
  /** By the database's clock: whether the holder's lease has run out. */
  free: boolean;
}

interface HeadRow {
  size: string;
  root: Buffer;
  epoch: string;
  holder: string | null;
  free: boolean;
}

/** A stored place in the log, read back together with the entry that it was made from. */
export interface StoredPlacement extends PendingEntry {
  leafIndex: number;
  tenantSeq: number;
  prevHash: Uint8Array;
  leaf: Uint8Array;
}

export interface StoredChain extends ChainHead {
  sealedViewKey: Uint8Array;
  viewKeyCommitment: string;
}

/** The sequencer's side of the log's tables. */
@Injectable()
export class LogRepository {
  /** A glance without a lock: whether the lease has run out, or is the asker's own. */
  async mayTakeOver(tx: Tx, holder: string): Promise<boolean> {
    const [row] = await tx.query<{ free: boolean }>(
      'SELECT holder IS NOT DISTINCT FROM $1 OR lease_until <= clock_timestamp() AS free FROM ledger_head',
      [holder],
    );
    return row?.free ?? false;
  }

  /** Locks the head until the transaction ends; null when another sequencer holds the lock right now. */
  async lockHead(tx: Tx): Promise<StoredHead | null> {
    const [row] = await tx.query<HeadRow>(
      `SELECT size::text, root, epoch::text, holder, lease_until <= clock_timestamp() AS free
         FROM ledger_head FOR UPDATE SKIP LOCKED`,
    );
    if (!row) return null;
    return { size: Number(row.size), root: row.root, epoch: Number(row.epoch), holder: row.holder, free: row.free };
  }

  /** Starts a new epoch: whoever held an older one can no longer write. */
  async takeOver(tx: Tx, holder: string, leaseSeconds: number): Promise<number> {
    const [row] = await tx.query<{ epoch: string }>(
      `UPDATE ledger_head SET epoch = epoch + 1, holder = $1, lease_until = clock_timestamp() + make_interval(secs => $2)
       RETURNING epoch::text`,
      [holder, leaseSeconds],
    );
    return Number(row!.epoch);
  }

  async moveHead(tx: Tx, head: LogHead, leaseSeconds: number): Promise<void> {
    await tx.execute(
      `UPDATE ledger_head SET size = $1, root = $2, lease_until = clock_timestamp() + make_interval(secs => $3)`,
      [head.size, Buffer.from(head.root), leaseSeconds],
    );
  }

  /** Prolongs the lease, or ends it with 0 seconds; false when the epoch is no longer the newest. */
  async renewLease(tx: Tx, epoch: number, leaseSeconds: number): Promise<boolean> {
    const renewed = await tx.execute(
      'UPDATE ledger_head SET lease_until = clock_timestamp() + make_interval(secs => $2) WHERE epoch = $1',
      [epoch, leaseSeconds],
    );
    return renewed === 1;
  }

  async pendingEntries(tx: Tx, limit: number): Promise<(PendingEntry & { position: string })[]> {
    return tx.query(
      `SELECT p.position::text AS position, p.tenant_id AS "tenantId", p.entry_id AS "entryId", e.body,
              e.body_hash AS "bodyHash", e.salt
         FROM (SELECT * FROM ledger_pending ORDER BY position LIMIT $1) p
         JOIN ledger_entry e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id
        ORDER BY p.position`,
      [limit],
    );
  }

  async chains(tx: Tx, tenantIds: readonly string[]): Promise<Map<string, StoredChain>> {
    const rows = await tx.query<StoredChain & { tenantId: string }>(
      `SELECT tenant_id AS "tenantId", seq::float8 AS seq, last_leaf_hash AS "lastLeafHash",
              sealed_view_key AS "sealedViewKey", view_key_commitment AS "viewKeyCommitment"
         FROM ledger_tenant_head WHERE tenant_id = ANY($1::text[])`,
      [tenantIds],
    );
    return new Map(rows.map(({ tenantId, ...chain }) => [tenantId, chain]));
  }

  async insertLeaves(tx: Tx, placed: readonly PlacedEntry[]): Promise<void> {
    await tx.execute(
      `INSERT INTO ledger_leaf (leaf_index, tenant_id, entry_id, tenant_seq, prev_hash, leaf)
       SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bytea[], $6::bytea[])`,
      [
        placed.map((entry) => entry.leafIndex),
        placed.map((entry) => entry.tenantId),
        placed.map((entry) => entry.entryId),
        placed.map((entry) => entry.tenantSeq),
        placed.map((entry) => Buffer.from(entry.prevHash)),
        placed.map((entry) => Buffer.from(entry.leaf)),
      ],
    );
  }

  async removePending(tx: Tx, positions: readonly string[]): Promise<number> {
    return tx.execute('DELETE FROM ledger_pending WHERE position = ANY($1::bigint[])', [positions]);
  }

  async moveChains(tx: Tx, chains: ReadonlyMap<string, ChainHead>): Promise<void> {
    await tx.execute(
      `UPDATE ledger_tenant_head h SET seq = m.seq, last_leaf_hash = m.last_leaf_hash
         FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS m (tenant_id, seq, last_leaf_hash)
        WHERE h.tenant_id = m.tenant_id`,
      [
        [...chains.keys()],
        [...chains.values()].map((chain) => chain.seq),
        [...chains.values()].map((chain) => Buffer.from(chain.lastLeafHash)),
      ],
    );
  }

  async storeTiles(tx: Tx, tiles: readonly TileData[]): Promise<void> {
    await tx.execute(
      `INSERT INTO ledger_tile (level, tile_index, hashes)
       SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])
       ON CONFLICT (level, tile_index) DO UPDATE SET hashes = excluded.hashes`,
      [tiles.map((tile) => tile.level), tiles.map((tile) => tile.index), tiles.map((tile) => Buffer.from(tile.hashes))],
    );
  }

  /** A tile's stored hashes, as many as there are; empty when there is no such tile. */
  async readTile(tx: Tx, tile: Tile): Promise<Uint8Array> {
    const [row] = await tx.query<{ hashes: Buffer }>(
      'SELECT hashes FROM ledger_tile WHERE level = $1 AND tile_index = $2',
      [tile.level, tile.index],
    );
    return row?.hashes ?? new Uint8Array(0);
  }

  async readTiles(tx: Tx, tiles: readonly Tile[]): Promise<Map<string, Uint8Array>> {
    const rows = await tx.query<{ level: number; tileIndex: number; hashes: Buffer }>(
      `SELECT t.level, t.tile_index::float8 AS "tileIndex", t.hashes
         FROM unnest($1::smallint[], $2::bigint[]) AS w (level, tile_index)
         JOIN ledger_tile t ON t.level = w.level AND t.tile_index = w.tile_index`,
      [tiles.map((tile) => tile.level), tiles.map((tile) => tile.index)],
    );
    return new Map(rows.map((row) => [`${row.level}/${row.tileIndex}`, row.hashes]));
  }

  /** The places `first` up to, but without, `end`, with the entries they were made from, in order. */
  async readPlacements(tx: Tx, first: number, end: number): Promise<StoredPlacement[]> {
    return tx.query(
      `SELECT l.leaf_index::float8 AS "leafIndex", l.tenant_id AS "tenantId", l.entry_id AS "entryId",
              l.tenant_seq::float8 AS "tenantSeq", l.prev_hash AS "prevHash", l.leaf,
              e.body, e.body_hash AS "bodyHash", e.salt
         FROM ledger_leaf l JOIN ledger_entry e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
        WHERE l.leaf_index >= $1 AND l.leaf_index < $2 ORDER BY l.leaf_index`,
      [first, end],
    );
  }

  async newestCheckpoint(tx: Tx): Promise<LogHead | null> {
    const [row] = await tx.query<{ size: number; root: Buffer }>(
      'SELECT size::float8 AS size, root FROM ledger_checkpoint ORDER BY size DESC LIMIT 1',
    );
    return row ?? null;
  }

  /** Publishes a head, unless the epoch is no longer the newest; false then. Publishing it again changes nothing. */
  async publish(tx: Tx, head: LogHead, note: string, epoch: number): Promise<boolean> {
    const [row] = await tx.query<{ current: boolean }>(
      `WITH fence AS (SELECT epoch = $4 AS current FROM ledger_head FOR UPDATE), stored AS (
         INSERT INTO ledger_checkpoint (size, root, note, epoch)
         SELECT $1, $2, $3, $4 FROM fence WHERE current ON CONFLICT (size) DO NOTHING
       )
       SELECT current FROM fence`,
      [head.size, Buffer.from(head.root), note, epoch],
    );
    return row?.current ?? false;
  }
}

/** How `readTiles` names a tile. */
export const tileKey = (tile: Pick<Tile, 'level' | 'index'>): string => `${tile.level}/${tile.index}`;
