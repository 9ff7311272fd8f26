import { Injectable } from '@nestjs/common';
import { postgresErrorOf, type Tx } from '#database';
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

@Injectable()
export class LedgerEntryRepository {
  /**
   * Stores entries of one tenant and queues them for the log, in one statement. The transaction must be able to act as
   * that tenant. @throws ChainMissingError, EntryIdTakenError
   */
  async insert(tx: Tx, tenantId: TenantId, entries: readonly NewEntry[]): Promise<void> {
    const queued = await tx
      .execute(
        `WITH drawn AS (
           SELECT * FROM unnest($2::text[], $3::bytea[], $4::bytea[], $5::bytea[]) WITH ORDINALITY
             AS d (id, body, body_hash, salt, place)
            WHERE EXISTS (SELECT FROM ledger_tenant_head WHERE tenant_id = $1)
         ), stored AS (
           INSERT INTO ledger_entry (tenant_id, id, body, body_hash, salt)
           SELECT $1, id, body, body_hash, salt FROM drawn
         )
         INSERT INTO ledger_pending (tenant_id, entry_id) SELECT $1, id FROM drawn ORDER BY place`,
        [
          tenantId,
          entries.map((entry) => entry.id),
          entries.map((entry) => Buffer.from(entry.body)),
          entries.map((entry) => Buffer.from(entry.bodyHash)),
          entries.map((entry) => Buffer.from(entry.salt)),
        ],
      )
      .catch((error: unknown) => {
        if (postgresErrorOf(error)?.constraint === 'ledger_entry_pkey') throw new EntryIdTakenError({ cause: error });
        throw error;
      });
    if (queued !== entries.length) throw new ChainMissingError(tenantId);
  }
}
