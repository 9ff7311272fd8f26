import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { TenantId } from '#kernel';

/** Which entries of a tenant have happened in a transaction's snapshot. */
export interface ChainPosition {
  /** Number and id of the newest entry in the log; 0 and null before the first. */
  tenantSeq: number;
  entryId: string | null;
  /** Committed, and not in the log yet. Their numbers will come after that one, with others in between. */
  pending: string[];
}

@Injectable()
export class ChainPositionRepository {
  async read(tx: Tx, tenantId: TenantId): Promise<ChainPosition> {
    const [newest] = await tx.query<{ tenantSeq: number; entryId: string }>(
      `SELECT tenant_seq::float8 AS "tenantSeq", entry_id AS "entryId" FROM ledger_leaf
        WHERE tenant_id = $1 ORDER BY tenant_seq DESC LIMIT 1`,
      [tenantId],
    );
    const pending = await tx.query<{ id: string }>('SELECT id FROM crosstenant.own_pending_entries() AS id');
    return { tenantSeq: 0, entryId: null, ...newest, pending: pending.map(({ id }) => id) };
  }
}
