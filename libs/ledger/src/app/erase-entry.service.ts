import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { type LedgerEntryId, NotFoundError, type OpContext } from '#kernel';
import { ERASED_ACTION, parseBody } from '#proof';
import { type ErasureScope, isErasable } from '../domain/erasure.js';
import { EntryErasedError, EntryNotErasableError, ReceiptNotReadyError } from '../domain/ledger.errors.js';
import { EntryErasureRepository } from '../infra/entry-erasure.repository.js';
import { OpenLogRepository } from '../infra/open-log.repository.js';
import { type OwnEntry, OwnEntryRepository } from '../infra/own-entry.repository.js';
import { LedgerWriter } from './ledger-writer.js';

export interface EraseEntry {
  scope: ErasureScope;
  /** Why, for the tenant's own auditors. It stays. */
  reason: string;
}

export interface ErasedEntryResult extends EraseEntry {
  entryId: LedgerEntryId;
}

/**
 * Erases what one entry says, and records that: who, why, which entry, and nothing of what it said. The log stays verifiable,
 * because the leaf commits to what is gone and stays where it is.
 */
@Injectable()
export class EraseEntryService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly entries: OwnEntryRepository,
    private readonly log: OpenLogRepository,
    private readonly ledger: LedgerWriter,
    private readonly erasures: EntryErasureRepository,
  ) {}

  /** @throws NotFoundError, ReceiptNotReadyError, EntryErasedError, EntryNotErasableError */
  execute(ctx: OpContext, entryId: LedgerEntryId, { scope, reason }: EraseEntry): Promise<ErasedEntryResult> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'ledger:erase');
      const entry = await this.erasable(tx, entryId);
      const { ledgerEntryId } = this.ledger.append(tx, {
        class: 'audit',
        action: ERASED_ACTION,
        resource: { type: 'ledger-entry', id: entryId, version: null },
        // The history of that VPC or dataset has a gap from now on, and must be able to name it.
        scopeId: entry.scopeId,
        before: null,
        after: { scope, reason, tenantSeq: entry.place!.tenantSeq },
      });
      this.erasures.erase(tx, entry, scope, ledgerEntryId);
      return { entryId, scope, reason };
    });
  }

  private async erasable(tx: Tx, id: LedgerEntryId): Promise<OwnEntry> {
    const entry = await this.entries.find(tx, id);
    if (!entry) throw new NotFoundError('ledger entry', id);
    if (entry.body === null) throw new EntryErasedError([entry]);
    const { action } = parseBody(entry.body);
    if (!isErasable(action)) throw new EntryNotErasableError(id, action);
    // Until then the sequencer may still recompute its leaf from the body.
    const head = await this.log.newestHead();
    if (entry.place === null || head === null || head.size <= entry.place.index) throw new ReceiptNotReadyError(id);
    return entry;
  }
}
