import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { type LedgerEntryId, NotFoundError, type OpContext } from '#kernel';
import { ERASED_ACTION, type LedgerBody, parseBody } from '#proof';
import { type ErasureScope, isErasable } from '../domain/erasure.js';
import {
  EntryErasedError,
  EntryNotErasableError,
  NoEvidenceError,
  ReceiptNotReadyError,
} from '../domain/ledger.errors.js';
import { EntryErasureRepository } from '../infra/entry-erasure.repository.js';
import { EvidenceRepository } from '../infra/evidence.repository.js';
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
    private readonly evidence: EvidenceRepository,
  ) {}

  /** @throws NotFoundError, ReceiptNotReadyError, EntryErasedError, EntryNotErasableError, NoEvidenceError */
  async execute(ctx: OpContext, entryId: LedgerEntryId, { scope, reason }: EraseEntry): Promise<ErasedEntryResult> {
    requirePermission(ctx, 'ledger:erase');
    // Asked before the transaction, which would hold a second connection meanwhile: what was published stays so.
    const size = (await this.log.newestHead())?.size ?? 0;
    return this.uow.run(ctx, async (tx) => {
      const { entry, body } = await this.erasable(tx, entryId, size);
      const evidence = body.vouched.mode === 'signed' ? body.vouched.evidence : null;
      // The signed request says what the body says: it does not outlive it.
      const gone = evidence !== null && (await this.evidence.erase(tx, ctx.tenantId, evidence));
      if (scope === 'evidence' && !gone) throw new NoEvidenceError(entryId, evidence !== null);
      const { ledgerEntryId } = this.ledger.append(tx, {
        class: 'audit',
        action: ERASED_ACTION,
        resource: { type: 'ledger-entry', id: entryId, version: null },
        // The history of that VPC or dataset has a gap from now on, and must be able to name it.
        scopeId: entry.scopeId,
        before: null,
        after: { scope, reason, tenantSeq: entry.place!.tenantSeq, evidence },
      });
      if (scope === 'body') this.erasures.erase(tx, entry, ledgerEntryId);
      return { entryId, scope, reason };
    });
  }

  private async erasable(tx: Tx, id: LedgerEntryId, size: number): Promise<{ entry: OwnEntry; body: LedgerBody }> {
    const entry = await this.entries.find(tx, id);
    if (!entry) throw new NotFoundError('ledger entry', id);
    if (entry.body === null) throw new EntryErasedError([entry]);
    const body = parseBody(entry.body);
    if (!isErasable(body.action)) throw new EntryNotErasableError(id, body.action);
    // Until then the sequencer may still recompute its leaf from the body.
    if (entry.place === null || size <= entry.place.index) throw new ReceiptNotReadyError(id);
    return { entry, body };
  }
}
