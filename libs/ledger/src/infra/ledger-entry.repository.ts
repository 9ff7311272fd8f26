import { Injectable } from '@nestjs/common';
import { type DeferredStatement, postgresErrorOf } from '#database';
import type { TenantId } from '#kernel';
import { ChainMissingError, EntryIdTakenError } from '../domain/ledger.errors.js';

/** An entry as it is stored: the body's bytes, and the salt that its leaf will be bound with. */
export interface NewEntry {
  tenantId: TenantId;
  id: string;
  resourceId: string;
  body: Uint8Array;
  bodyHash: Uint8Array;
  salt: Uint8Array;
}

@Injectable()
export class LedgerEntryRepository {
  /**
   * Stores entries of one tenant and queues them for the log, in one statement. A tenant without a chain leaves the salts
   * empty, which the table refuses. Translates to ChainMissingError, EntryIdTakenError.
   */
  insertion(tenantId: TenantId, entries: readonly NewEntry[]): DeferredStatement {
    return {
      tenantId,
      sql: `WITH drawn AS (
              SELECT * FROM unnest($2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::bytea[]) WITH ORDINALITY
                AS d (id, resource_id, body, body_hash, salt, place)
            ), stored AS (
              INSERT INTO ledger_entry (tenant_id, id, resource_id, body, body_hash, salt)
              SELECT $1, id, resource_id, body, body_hash,
                     CASE WHEN EXISTS (SELECT FROM ledger_tenant_head WHERE tenant_id = $1) THEN salt ELSE '' END
                FROM drawn
            )
            INSERT INTO ledger_pending (tenant_id, entry_id) SELECT $1, id FROM drawn ORDER BY place`,
      params: [
        tenantId,
        entries.map((entry) => entry.id),
        entries.map((entry) => entry.resourceId),
        entries.map((entry) => Buffer.from(entry.body)),
        entries.map((entry) => Buffer.from(entry.bodyHash)),
        entries.map((entry) => Buffer.from(entry.salt)),
      ],
      translate: (error) => {
        const constraint = postgresErrorOf(error)?.constraint;
        if (constraint === 'ledger_entry_pkey') return new EntryIdTakenError({ cause: error });
        return constraint === 'ledger_entry_salt_check' ? new ChainMissingError(tenantId) : error;
      },
    };
  }
}
