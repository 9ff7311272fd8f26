import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { LedgerEntryId, TenantId } from '#kernel';

/** An entry of the transaction's own tenant, and its place in the log once it has one. */
export interface OwnEntry {
  id: string;
  /** Null once it was erased, as is the salt. */
  body: Uint8Array | null;
  salt: Uint8Array | null;
  /** What it belongs to: a VPC, a dataset. */
  scopeId: string | null;
  /** The entry that says that this one was erased. */
  erasedBy: string | null;
  committedAt: Date;
  place: { index: number; tenantSeq: number; prevHash: Uint8Array; leaf: Uint8Array } | null;
}

interface Row {
  id: string;
  body: Buffer | null;
  salt: Buffer | null;
  scopeId: string | null;
  erasedBy: string | null;
  committedAt: Date;
  index: number | null;
  tenantSeq: number;
  prevHash: Buffer;
  leaf: Buffer;
}

const COLUMNS = `e.id, e.body, e.salt, e.scope_id AS "scopeId", e.erased_by AS "erasedBy", e.committed_at AS "committedAt", l.leaf_index::float8 AS index,
  l.tenant_seq::float8 AS "tenantSeq", l.prev_hash AS "prevHash", l.leaf`;

/** The entries of one tenant, as row level security shows them. */
@Injectable()
export class OwnEntryRepository {
  async find(tx: Tx, id: LedgerEntryId): Promise<OwnEntry | null> {
    const [row] = await tx.query<Row>(
      `SELECT ${COLUMNS} FROM ledger_entry e
         LEFT JOIN ledger_leaf l ON l.tenant_id = e.tenant_id AND l.entry_id = e.id
        WHERE e.tenant_id = $1 AND e.id = $2`,
      [tx.ctx?.tenantId, id],
    );
    return row ? entryOf(row) : null;
  }

  /** The entries with these numbers in the chain, in the order of the chain. */
  async bySequence(tx: Tx, sequences: readonly number[], tenantId = tx.ctx?.tenantId): Promise<OwnEntry[]> {
    if (sequences.length === 0) return [];
    const rows = await tx.query<Row>(
      `SELECT ${COLUMNS} FROM ledger_leaf l
         JOIN ledger_entry e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
        WHERE l.tenant_id = $1 AND l.tenant_seq = ANY($2::bigint[]) ORDER BY l.tenant_seq`,
      [tenantId, sequences],
    );
    return rows.map(entryOf);
  }

  /**
   * The entries of these ids, by id; those of another tenant are for a transaction that acts as that one. Two statements and
   * no join: of many ids, its plan would depend on what the statistics know of the tenant.
   */
  async byIds(tx: Tx, ids: readonly string[], tenantId = tx.ctx?.tenantId): Promise<OwnEntry[]> {
    if (ids.length === 0) return [];
    const rows = await tx.query<Omit<OwnEntry, 'place'>>(
      `SELECT id, body, salt, scope_id AS "scopeId", erased_by AS "erasedBy", committed_at AS "committedAt"
         FROM ledger_entry WHERE tenant_id = $1 AND id = ANY ($2::text[]) ORDER BY id`,
      [tenantId, ids],
    );
    const leaves = await tx.query<NonNullable<OwnEntry['place']> & { id: string }>(
      `SELECT entry_id AS id, leaf_index::float8 AS index, tenant_seq::float8 AS "tenantSeq", prev_hash AS "prevHash", leaf
         FROM ledger_leaf WHERE tenant_id = $1 AND entry_id = ANY ($2::text[])`,
      [tenantId, ids],
    );
    const places = new Map(leaves.map(({ id, ...place }) => [id, place]));
    return rows.map((row) => ({ ...row, place: places.get(row.id) ?? null }));
  }

  /** Own entries behind the one numbered `after`, in the order of the chain, as far as a log of `size` leaves holds them. */
  async publishedAfter(tx: Tx, after: number, size: number, limit: number): Promise<OwnEntry[]> {
    const rows = await tx.query<Row>(
      `SELECT ${COLUMNS} FROM ledger_leaf l
         JOIN ledger_entry e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
        WHERE l.tenant_id = $1 AND l.tenant_seq > $2 AND l.leaf_index < $3 ORDER BY l.tenant_seq LIMIT $4`,
      [tx.ctx?.tenantId, after, size, limit],
    );
    return rows.map(entryOf);
  }

  /**
   * Looks at the next published entries behind the one numbered `after`, so many at most: the number of the first whose
   * action starts with one of the prefixes, any entry when there are none, and the last number that was looked at. What an
   * erased entry was is not known, so that it starts with nothing.
   */
  async firstWanted(
    tx: Tx,
    { after, size, prefixes, most }: { after: number; size: number; prefixes: readonly string[]; most: number },
  ): Promise<{ wanted: number | null; through: number }> {
    const [row] = await tx.query<{ wanted: number | null; through: number | null }>(
      `WITH ahead AS (
         SELECT l.tenant_seq, e.action FROM ledger_leaf l
           JOIN ledger_entry e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
          WHERE l.tenant_id = $1 AND l.tenant_seq > $2 AND l.leaf_index < $3 ORDER BY l.tenant_seq LIMIT $5
       )
       SELECT min(tenant_seq) FILTER (WHERE cardinality($4::text[]) = 0 OR action ^@ ANY ($4))::float8 AS wanted,
              max(tenant_seq)::float8 AS through FROM ahead`,
      [tx.ctx?.tenantId, after, size, prefixes, most],
    );
    return { wanted: row?.wanted ?? null, through: row?.through ?? after };
  }

  /** The last number of each tenant's chain among the first `size` leaves, in one round trip; whoever's transaction it is. */
  async publishedSeqs(tx: Tx, tenantIds: readonly TenantId[], size: number): Promise<Map<TenantId, number>> {
    const rows = await tx.pipelineAs(
      tenantIds.map((tenantId) => ({
        tenantId,
        sql: `SELECT tenant_seq::float8 AS seq FROM ledger_leaf
               WHERE tenant_id = $1 AND leaf_index < $2 ORDER BY tenant_seq DESC LIMIT 1`,
        params: [tenantId, size],
      })),
    );
    return new Map(tenantIds.map((tenantId, at) => [tenantId, (rows[at]?.[0]?.seq as number | undefined) ?? 0]));
  }

  /** Own entries among the leaves `first` up to, but without, `end`, by index. */
  async between(tx: Tx, first: number, end: number): Promise<OwnEntry[]> {
    const rows = await tx.query<Row>(
      `SELECT ${COLUMNS} FROM ledger_leaf l
         JOIN ledger_entry e ON e.tenant_id = l.tenant_id AND e.id = l.entry_id
        WHERE l.tenant_id = $1 AND l.leaf_index >= $2 AND l.leaf_index < $3 ORDER BY l.leaf_index`,
      [tx.ctx?.tenantId, first, end],
    );
    return rows.map(entryOf);
  }

  /** How many own entries there are among the first `size` leaves. */
  async countWithin(tx: Tx, size: number): Promise<number> {
    const [row] = await tx.query<{ count: number }>(
      `SELECT coalesce(max(tenant_seq), 0)::float8 AS count FROM ledger_leaf WHERE tenant_id = $1 AND leaf_index < $2`,
      [tx.ctx?.tenantId, size],
    );
    return row?.count ?? 0;
  }
}

function entryOf({ id, body, salt, scopeId, erasedBy, committedAt, index, tenantSeq, prevHash, leaf }: Row): OwnEntry {
  return {
    id,
    body,
    salt,
    scopeId,
    erasedBy,
    committedAt,
    place: index === null ? null : { index, tenantSeq, prevHash, leaf },
  };
}
