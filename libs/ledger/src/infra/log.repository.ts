import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { Tile, TileData } from '#merkle';
import type { ChainHead } from '../domain/place-entries.js';
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
