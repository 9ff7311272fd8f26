import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import { type OwnEntry, OwnEntryRepository } from './own-entry.repository.js';

/** Entries of the transaction's own tenant by what they belong to, found by the indexes on those columns alone. */
@Injectable()
export class EntryHistoryRepository {
  constructor(private readonly entries: OwnEntryRepository) {}

  ofScope(tx: Tx, scopeId: string, lastIndex: number, limit: number): Promise<OwnEntry[]> {
    return this.found(tx, 'e.scope_id = $2', [scopeId], lastIndex, limit);
  }

  /** What entries of this action in the scope are about, wherever they are. */
  async ofScopeByAction(tx: Tx, scopeId: string, action: string, limit: number): Promise<string[]> {
    const rows = await tx.query<{ resourceId: string }>(
      `SELECT resource_id AS "resourceId" FROM ledger_entry
        WHERE tenant_id = $1 AND scope_id = $2 AND action = $3 LIMIT $4`,
      [tx.ctx?.tenantId, scopeId, action, limit],
    );
    return rows.map(({ resourceId }) => resourceId);
  }

  /** Entries that are not in the log yet, in the order in which they will come into it. */
  async pending(tx: Tx, limit: number): Promise<OwnEntry[]> {
    const rows = await tx.query<{ id: string }>('SELECT id FROM crosstenant.own_pending_entries() AS id LIMIT $1', [
      limit,
    ]);
    const found = new Map(
      (
        await this.entries.byIds(
          tx,
          rows.map(({ id }) => id),
        )
      ).map((entry) => [entry.id, entry]),
    );
    return rows.flatMap(({ id }) => found.get(id) ?? []);
  }

  async ofResources(tx: Tx, ids: readonly string[], lastIndex: number, limit: number): Promise<OwnEntry[]> {
    return ids.length === 0 ? [] : this.found(tx, 'e.resource_id = ANY($2::text[])', [ids], lastIndex, limit);
  }

  async firstOf(tx: Tx, scopeId: string): Promise<{ id: string; index: number | null } | null> {
    const [row] = await tx.query<{ id: string; index: number | null }>(
      `SELECT e.id, l.leaf_index::float8 AS index FROM ledger_entry e
         LEFT JOIN ledger_leaf l ON l.tenant_id = e.tenant_id AND l.entry_id = e.id
        WHERE e.tenant_id = $1 AND e.scope_id = $2 ORDER BY l.tenant_seq NULLS LAST, e.id LIMIT 1`,
      [tx.ctx?.tenantId, scopeId],
    );
    return row ?? null;
  }

  async scopeOf(tx: Tx, resourceId: string): Promise<string | null> {
    const [row] = await tx.query<{ scopeId: string }>(
      `SELECT scope_id AS "scopeId" FROM ledger_entry
        WHERE tenant_id = $1 AND resource_id = $2 AND scope_id IS NOT NULL LIMIT 1`,
      [tx.ctx?.tenantId, resourceId],
    );
    return row?.scopeId ?? null;
  }

  private async found(
    tx: Tx,
    condition: string,
    values: unknown[],
    lastIndex: number,
    limit: number,
  ): Promise<OwnEntry[]> {
    // One table after the other, without a join whose plan depends on what the statistics know of this tenant.
    const found = await tx.query<{ id: string }>(
      `SELECT l.entry_id AS id FROM ledger_leaf l
        WHERE l.tenant_id = $1 AND l.leaf_index <= $3
          AND l.entry_id = ANY (ARRAY(SELECT e.id FROM ledger_entry e WHERE e.tenant_id = $1 AND ${condition}))
        ORDER BY l.tenant_seq LIMIT $4`,
      [tx.ctx?.tenantId, ...values, lastIndex, limit],
    );
    const entries = await this.entries.byIds(
      tx,
      found.map(({ id }) => id),
    );
    return entries.sort((a, b) => a.place!.index - b.place!.index);
  }
}
