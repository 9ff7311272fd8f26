import { Injectable } from '@nestjs/common';
import { type DeferredStatement, postgresErrorOf } from '#database';
import type { TenantId } from '#kernel';
import { ChainMissingError, EntryIdTakenError } from '../domain/ledger.errors.js';

/** What an entry is found by: copies of what its body says, which prove nothing. */
export interface SearchColumns {
  action: string;
  actorId: string;
  resourceType: string;
  resourceId: string;
  scopeId: string | null;
  happenedAt: Date;
}

/** An entry as it is stored: the body's bytes, and the salt that its leaf will be bound with. */
export interface NewEntry extends SearchColumns {
  tenantId: TenantId;
  id: string;
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
              SELECT * FROM unnest($2::text[], $3::bytea[], $4::bytea[], $5::bytea[], $6::text[], $7::text[], $8::text[],
                                   $9::text[], $10::text[], $11::timestamptz[]) WITH ORDINALITY
                AS d (id, body, body_hash, salt, action, actor_id, resource_type, resource_id, scope_id, happened_at, place)
            ), stored AS (
              INSERT INTO ledger_entry (tenant_id, id, body, body_hash, action, actor_id, resource_type, resource_id, scope_id,
                                        happened_at, salt)
              SELECT $1, id, body, body_hash, action, actor_id, resource_type, resource_id, scope_id, happened_at,
                     CASE WHEN EXISTS (SELECT FROM ledger_tenant_head WHERE tenant_id = $1) THEN salt ELSE '' END
                FROM drawn
            )
            INSERT INTO ledger_pending (tenant_id, entry_id) SELECT $1, id FROM drawn ORDER BY place`,
      params: [
        tenantId,
        entries.map((entry) => entry.id),
        entries.map((entry) => Buffer.from(entry.body)),
        entries.map((entry) => Buffer.from(entry.bodyHash)),
        entries.map((entry) => Buffer.from(entry.salt)),
        entries.map((entry) => entry.action),
        entries.map((entry) => entry.actorId),
        entries.map((entry) => entry.resourceType),
        entries.map((entry) => entry.resourceId),
        entries.map((entry) => entry.scopeId),
        entries.map((entry) => entry.happenedAt),
      ],
      translate: (error) => {
        const constraint = postgresErrorOf(error)?.constraint;
        if (constraint === 'ledger_entry_pkey') return new EntryIdTakenError({ cause: error });
        return constraint === 'ledger_entry_salt_check' ? new ChainMissingError(tenantId) : error;
      },
    };
  }

  /** Asks the anchorer not to wait with these. After their insertion. */
  anchorRequest(tenantId: TenantId, entries: readonly NewEntry[]): DeferredStatement {
    return {
      tenantId,
      sql: 'INSERT INTO anchor_request (tenant_id, entry_id) SELECT $1, unnest($2::text[])',
      params: [tenantId, entries.map((entry) => entry.id)],
    };
  }
}
