import { Injectable } from '@nestjs/common';
import { Database } from '#database';
import { HASH_BYTES, type Tile } from '#merkle';

/** A published tree head with the note that everybody can verify. */
export interface PublishedHead {
  size: number;
  root: Uint8Array;
  note: string;
  publishedAt: Date;
}

export interface OpenLeaf {
  index: number;
  leaf: Uint8Array;
}

/** A checkpoint's note with the cosignatures that it has so far. */
const NOTE = `c.note || coalesce((
  SELECT string_agg(s.line, '' ORDER BY w.position, w.vkey) FROM ledger_cosignature s
    JOIN ledger_witness w ON w.vkey = s.witness WHERE s.size = c.size), '')`;
const HEAD = `c.size::float8 AS size, c.root, ${NOTE} AS note, c.created_at AS "publishedAt"`;

/** A tile as one version of its row has it; null for the hashes that the asker has. */
export interface VersionedTile {
  version: string;
  hashes: Uint8Array | null;
}

/** What of the log is open to everybody, and names nobody. */
@Injectable()
export class OpenLogRepository {
  constructor(private readonly database: Database) {}

  /** Null before the first checkpoint. */
  async newestHead(): Promise<PublishedHead | null> {
    const [row] = await this.database.query<PublishedHead>(
      `SELECT ${HEAD} FROM ledger_checkpoint c ORDER BY c.size DESC LIMIT 1`,
    );
    return row ?? null;
  }

  /** The newest checkpoint that enough witnesses cosigned; null while there is none. */
  async newestWitnessedHead(): Promise<PublishedHead | null> {
    const [row] = await this.database.query<PublishedHead>(
      `SELECT ${HEAD} FROM ledger_witnessed t JOIN ledger_checkpoint c ON c.size = t.size ORDER BY t.size DESC LIMIT 1`,
    );
    return row ?? null;
  }

  /** The smallest checkpoint with more than `index` entries that enough witnesses cosigned; null while there is none. */
  async witnessedHeadCovering(index: number): Promise<PublishedHead | null> {
    const [row] = await this.database.query<PublishedHead>(
      `SELECT ${HEAD} FROM ledger_witnessed t JOIN ledger_checkpoint c ON c.size = t.size
        WHERE t.size > $1 ORDER BY t.size LIMIT 1`,
      [index],
    );
    return row ?? null;
  }

  /** Entries that the newest checkpoint covers; 0 before the first. */
  async newestSize(): Promise<number> {
    const [row] = await this.database.query<{ size: number | null }>(
      'SELECT max(size)::float8 AS size FROM ledger_checkpoint',
    );
    return row?.size ?? 0;
  }

  /** Checkpoints of more than `size` entries, by size. */
  async headsAfter(size: number, limit: number): Promise<PublishedHead[]> {
    return this.database.query<PublishedHead>(
      `SELECT ${HEAD} FROM ledger_checkpoint c WHERE c.size > $1 ORDER BY c.size LIMIT $2`,
      [size, limit],
    );
  }

  /** The checkpoints of exactly these sizes, by size. */
  async heads(sizes: readonly number[]): Promise<PublishedHead[]> {
    return this.database.query<PublishedHead>(
      `SELECT ${HEAD} FROM ledger_checkpoint c WHERE c.size = ANY($1::bigint[]) ORDER BY c.size`,
      [sizes],
    );
  }

  /** The first `width` hashes of a tile, or null when it has fewer. */
  async tile({ level, index, width }: Tile): Promise<Uint8Array | null> {
    const [row] = await this.database.query<{ hashes: Buffer }>(
      `SELECT substring(hashes FOR $3) AS hashes FROM ledger_tile
        WHERE level = $1 AND tile_index = $2 AND octet_length(hashes) >= $3`,
      [level, index, width * HASH_BYTES],
    );
    return row?.hashes ?? null;
  }

  /**
   * Several tiles at once, each as wide as it is stored, or null when it is narrower than asked for. One that is still the
   * row version that the asker knows comes without its hashes.
   */
  async tiles(tiles: readonly (Tile & { known?: string })[]): Promise<(VersionedTile | null)[]> {
    const rows = await this.database.query<{ version: string | null; hashes: Buffer | null }>(
      `SELECT t.version, CASE WHEN t.version <> w.known THEN t.hashes END AS hashes
         FROM unnest($1::smallint[], $2::bigint[], $3::int[], $4::text[]) WITH ORDINALITY
              AS w (level, tile_index, bytes, known, place)
         LEFT JOIN LATERAL (
           SELECT hashes, xmin::text || ctid::text AS version FROM ledger_tile
            WHERE level = w.level AND tile_index = w.tile_index AND octet_length(hashes) >= w.bytes
         ) t ON true
        ORDER BY w.place`,
      [
        tiles.map((tile) => tile.level),
        tiles.map((tile) => tile.index),
        tiles.map((tile) => tile.width * HASH_BYTES),
        tiles.map((tile) => tile.known ?? ''),
      ],
    );
    return rows.map(({ version, hashes }) => (version === null ? null : { version, hashes }));
  }

  /** The leaves `first` up to, but without, `end`, as far as there are. */
  async leaves(first: number, end: number): Promise<OpenLeaf[]> {
    return this.database.query<OpenLeaf>(
      'SELECT leaf_index::float8 AS index, leaf FROM crosstenant.log_leaves($1, $2)',
      [first, end],
    );
  }
}
