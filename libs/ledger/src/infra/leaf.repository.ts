import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '#database';
import { HASH_BYTES } from '#merkle';
import { SALT_BYTES } from '#proof';
import { LogCorruptError } from '../domain/ledger.errors.js';
import type { ChainHead, PendingEntry, PlacedEntry } from '../domain/place-entries.js';

/** An entry that waits for its place. Positions are where it waits, nothing more. */
export interface WaitingEntry extends PendingEntry {
  position: string;
}

/** What is stored of a place, and what the entry that it was made from stores of itself. */
export interface StoredPlacement {
  tenantId: string;
  entryId: string;
  tenantSeq: number;
  prevHash: Uint8Array;
  leaf: Uint8Array;
  bodyHash: Uint8Array;
  salt: Uint8Array;
}

export interface StoredChain extends ChainHead {
  sealedViewKey: Uint8Array;
  viewKeyCommitment: string;
}

interface WaitingRow {
  count: number;
  positions: string;
  tenantIds: string;
  entryIds: string;
  lengths: string;
  bodies: Buffer;
  hashesAndSalts: Buffer;
}

interface StoredRow {
  count: number;
  tenantIds: string;
  entryIds: string;
  tenantSeqs: string;
  lengths: string;
  leaves: Buffer;
  hashes: Buffer;
}

/**
 * Entries on their way into the log, many at a time. Columns travel packed, one value for all rows: the driver turns each
 * value of each row into text and back, which costs more than everything else that is done with an entry (ADR 13).
 */
@Injectable()
export class LeafRepository {
  constructor(private readonly database: Database) {}

  /**
   * The first entries that wait and are not among `taken`: at most `limit`, and bodies of `maxBytes` together or one that is
   * longer. In the order of their commits where one waited for the other. Reads outside of any transaction: entries never
   * change, and whoever takes them out of the queue holds the log's epoch.
   *
   * The entry is looked up row by row (LIMIT 1) because PostgreSQL's planner, without statistics of a queue that is empty
   * most of the time, would read the whole of ledger_entry for each batch.
   */
  async waiting(taken: readonly string[], limit: number, maxBytes: number): Promise<WaitingEntry[]> {
    const [row] = await this.database.query<WaitingRow>(
      `SELECT count(*)::int AS count, string_agg(position::text, ',') AS positions,
              string_agg(tenant_id, ',') AS "tenantIds", string_agg(entry_id, ',') AS "entryIds",
              string_agg(length::text, ',') AS lengths, string_agg(body, '') AS bodies,
              string_agg(body_hash || salt, '') AS "hashesAndSalts"
         FROM (SELECT *, sum(length) OVER (ORDER BY position) AS total
                 FROM (SELECT p.position, p.tenant_id, p.entry_id, e.body, e.body_hash, e.salt,
                              octet_length(e.body) AS length
                         FROM (SELECT * FROM ledger_pending WHERE position <> ALL ($1::bigint[])
                                ORDER BY position LIMIT $2) p
                        CROSS JOIN LATERAL (SELECT body, body_hash, salt FROM ledger_entry e
                                             WHERE e.tenant_id = p.tenant_id AND e.id = p.entry_id LIMIT 1) e
                        ORDER BY p.position) found) measured
        WHERE total - length < $3`,
      [arrayOf(taken), limit, maxBytes],
    );
    if (!row || row.count === 0) return [];
    const [positions, tenantIds, entryIds] = [row.positions, row.tenantIds, row.entryIds].map((list) =>
      list.split(','),
    );
    let end = 0;
    return row.lengths.split(',').map((length, at) => {
      const start = end;
      end += Number(length);
      const pair = at * (HASH_BYTES + SALT_BYTES);
      return {
        position: positions![at]!,
        tenantId: tenantIds![at]!,
        entryId: entryIds![at]!,
        body: row.bodies.subarray(start, end),
        bodyHash: row.hashesAndSalts.subarray(pair, pair + HASH_BYTES),
        salt: row.hashesAndSalts.subarray(pair + HASH_BYTES, pair + HASH_BYTES + SALT_BYTES),
      };
    });
  }

  /**
   * The chains of these tenants. Outside of the transaction, whose connection is busy: nobody but the holder of the log's
   * epoch moves a chain.
   */
  async chains(tenantIds: readonly string[]): Promise<Map<string, StoredChain>> {
    const rows = await this.database.query<StoredChain & { tenantId: string }>(
      `SELECT tenant_id AS "tenantId", seq::float8 AS seq, last_leaf_hash AS "lastLeafHash",
              sealed_view_key AS "sealedViewKey", view_key_commitment AS "viewKeyCommitment"
         FROM ledger_tenant_head WHERE tenant_id = ANY($1::text[])`,
      [tenantIds],
    );
    return new Map(rows.map(({ tenantId, ...chain }) => [tenantId, chain]));
  }

  /**
   * Takes entries out of the queue and stores their places, in one statement. Which entries they are is what the queue says,
   * so that no leaf is stored for one that never waited: that is what a foreign key would hold, at twice the cost.
   * Gives how many there were.
   */
  async place(tx: Tx, entries: readonly WaitingEntry[], placed: readonly PlacedEntry[]): Promise<number> {
    const [row] = await tx.query<{ count: number }>(
      `WITH taken AS (
         DELETE FROM ledger_pending WHERE position = ANY ($1::bigint[]) RETURNING position, tenant_id, entry_id
       ), stored AS (
         INSERT INTO ledger_leaf (leaf_index, tenant_id, entry_id, tenant_seq, prev_hash, leaf)
         SELECT $2::bigint + n - 1, t.tenant_id, t.entry_id, p.seq, substring($5::bytea FROM (n::int - 1) * 32 + 1 FOR 32),
                substring($6::bytea FROM p.start + 1 FOR p.length)
           FROM unnest($1::bigint[], $3::bigint[], $4::int[], $7::int[]) WITH ORDINALITY AS p (position, seq, start, length, n)
           JOIN taken t USING (position)
          ORDER BY n
         RETURNING 1
       )
       SELECT count(*)::int AS count FROM stored`,
      [
        arrayOf(entries.map((entry) => entry.position)),
        placed[0]!.leafIndex,
        arrayOf(placed.map((entry) => entry.tenantSeq)),
        arrayOf(startsOf(placed.map((entry) => entry.leaf))),
        Buffer.concat(placed.map((entry) => entry.prevHash)),
        Buffer.concat(placed.map((entry) => entry.leaf)),
        arrayOf(placed.map((entry) => entry.leaf.length)),
      ],
    );
    return row?.count ?? 0;
  }

  /** The places `first` up to, but without, `end` as they are stored, in order. @throws LogCorruptError when one is missing */
  async readBack(tx: Tx, first: number, end: number): Promise<StoredPlacement[]> {
    const [row] = await tx.query<StoredRow>(
      `SELECT count(*)::int AS count, string_agg(tenant_id, ',') AS "tenantIds", string_agg(entry_id, ',') AS "entryIds",
              string_agg(tenant_seq::text, ',') AS "tenantSeqs", string_agg(octet_length(leaf)::text, ',') AS lengths,
              string_agg(leaf, '') AS leaves, string_agg(prev_hash || body_hash || salt, '') AS hashes
         FROM (SELECT l.*, e.body_hash, e.salt FROM ledger_leaf l
                CROSS JOIN LATERAL (SELECT body_hash, salt FROM ledger_entry e
                                     WHERE e.tenant_id = l.tenant_id AND e.id = l.entry_id LIMIT 1) e
                WHERE l.leaf_index >= $1 AND l.leaf_index < $2 ORDER BY l.leaf_index) stored`,
      [first, end],
    );
    if (row?.count !== end - first) throw new LogCorruptError(`places are missing from index ${first} on`);
    const [tenantIds, entryIds, tenantSeqs] = [row.tenantIds, row.entryIds, row.tenantSeqs].map((list) =>
      list.split(','),
    );
    let stop = 0;
    return row.lengths.split(',').map((length, at) => {
      const start = stop;
      stop += Number(length);
      const hashes = row.hashes.subarray(at * STORED_HASHES, (at + 1) * STORED_HASHES);
      return {
        tenantId: tenantIds![at]!,
        entryId: entryIds![at]!,
        tenantSeq: Number(tenantSeqs![at]),
        leaf: row.leaves.subarray(start, stop),
        prevHash: hashes.subarray(0, HASH_BYTES),
        bodyHash: hashes.subarray(HASH_BYTES, 2 * HASH_BYTES),
        salt: hashes.subarray(2 * HASH_BYTES),
      };
    });
  }
}

const STORED_HASHES = 2 * HASH_BYTES + SALT_BYTES;

/** An array of numbers as PostgreSQL reads it; the driver's own way quotes each element. */
function arrayOf(numbers: readonly (number | string)[]): string {
  return `{${numbers.join(',')}}`;
}

function startsOf(values: readonly Uint8Array[]): number[] {
  let end = 0;
  return values.map((value) => {
    const start = end;
    end += value.length;
    return start;
  });
}
