import { Injectable } from '@nestjs/common';
import { postgresErrorOf, type Tx } from '#database';
import { EntryErasedError } from '../domain/ledger.errors.js';
import type { OwnEntry } from './own-entry.repository.js';

/** Raised where there is nothing left to erase. */
const NOTHING_TO_ERASE = 'FH004';

@Injectable()
export class EntryErasureRepository {
  /**
   * Erases when the transaction commits, behind the entry that says so: the table allows it only then. To be called after
   * that entry was appended. Translates to EntryErasedError when somebody else was faster.
   */
  erase(tx: Tx, { id }: OwnEntry, erasedBy: string): void {
    tx.beforeCommit('ledger-erasure', () => [
      {
        sql: 'SELECT crosstenant.erase_ledger_entry($1, $2)',
        params: [id, erasedBy],
        translate: (error) =>
          postgresErrorOf(error)?.code === NOTHING_TO_ERASE ? new EntryErasedError([{ id, erasedBy: null }]) : error,
      },
    ]);
  }
}
