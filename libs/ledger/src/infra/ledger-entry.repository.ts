import { Injectable } from '@nestjs/common';
import { type DeferredStatement, postgresErrorOf } from '#database';
import type { TenantId } from '#kernel';
import { ChainMissingError, EntryIdTakenError } from '../domain/ledger.errors.js';

/** An entry as it is stored: the body's bytes, and the salt that its leaf will be bound with. */
export interface NewEntry {
  tenantId: TenantId;
  id: string;
  body: Uint8Array;
  bodyHash: Uint8Array;
  salt: Uint8Array;
}

const NOT_NULL_VIOLATION = '23502';

@Injectable()
export class LedgerEntryRepository {
  /**
   * Stores entries of one tenant and queues them for the log, in one statement. A tenant without a chain leaves the
   * tenant's column empty, which the table refuses. Translates to ChainMissingError, EntryIdTakenError.
   */
  insertion(tenantId: TenantId, entries: readonly NewEntry[]): DeferredStatement {
    return {
      tenantId,
      sql: `WITH drawn AS (
              SELECT * FROM unnest($2::text[], $3::bytea[], $4::bytea[], $5::bytea[]) WITH ORDINALITY
                AS d (id, body, body_hash, salt, place)
            ), stored AS (
              INSERT INTO ledger_entry (tenant_id, id, body, body_hash, salt)
              SELECT (SELECT tenant_id FROM ledger_tenant_head WHERE tenant_id = $1), id, body, body_hash, salt FROM drawn
            )
            INSERT INTO ledger_pending (tenant_id, entry_id) SELECT $1, id FROM drawn ORDER BY place`,
      params: [
        tenantId,
        entries.map((entry) => entry.id),
        entries.map((entry) => Buffer.from(entry.body)),
        entries.map((entry) => Buffer.from(entry.bodyHash)),
        entries.map((entry) => Buffer.from(entry.salt)),
      ],
      translate: (error) => {
        const cause = postgresErrorOf(error);
        if (cause?.constraint === 'ledger_entry_pkey') return new EntryIdTakenError({ cause: error });
        return cause?.code === NOT_NULL_VIOLATION ? new ChainMissingError(tenantId) : error;
      },
    };
  }
}
