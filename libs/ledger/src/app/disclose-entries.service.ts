import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { ReplayedReply, type Tx, UnitOfWork } from '#database';
import { Clock, type LedgerEntryId, newId, type OpContext, ReferenceNotFoundError } from '#kernel';
import type { Disclosure } from '#proof';
import { EntryErasedError, ReceiptNotReadyError } from '../domain/ledger.errors.js';
import { OpenLogRepository } from '../infra/open-log.repository.js';
import { type OwnEntry, OwnEntryRepository } from '../infra/own-entry.repository.js';
import { EntryProofs } from './entry-proofs.js';
import { LedgerWriter } from './ledger-writer.js';

export interface DiscloseEntries {
  entryIds: LedgerEntryId[];
  /** To whom, in words for the tenant's own auditors. */
  recipient: string;
  /** Whether the signed requests behind the entries are shown, too. */
  includeEvidence: boolean;
}

export interface DisclosedEntries extends DiscloseEntries {
  id: string;
  /** Null in a dry run, which leaves no entry and therefore shows nothing. */
  disclosure: Disclosure | null;
}

/**
 * Opens entries that a tenant chose for somebody else, as one document that verifies offline. Which entries, and to whom, is
 * an entry itself. The document is kept nowhere: whoever repeats the request gets one made anew.
 */
@Injectable()
export class DiscloseEntriesService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly entries: OwnEntryRepository,
    private readonly log: OpenLogRepository,
    private readonly proofs: EntryProofs,
    private readonly ledger: LedgerWriter,
  ) {}

  /** @throws ReferenceNotFoundError, EntryErasedError, ReceiptNotReadyError */
  async execute(ctx: OpContext, input: DiscloseEntries): Promise<DisclosedEntries> {
    requirePermission(ctx, 'ledger:disclose');
    const disclosure = await this.document(ctx, input);
    try {
      return await this.record(ctx, input, disclosure);
    } catch (error) {
      if (!(error instanceof ReplayedReply)) throw error;
      const { secretWasShown: _shown, ...body } = error.reply.body as Record<string, unknown>;
      throw new ReplayedReply({ ...error.reply, body: { ...body, disclosure } });
    }
  }

  private record(ctx: OpContext, input: DiscloseEntries, disclosure: Disclosure): Promise<DisclosedEntries> {
    return this.uow.run(ctx, async (tx) => {
      // What was erased since the document was made is not handed out any more.
      requireWhole(await this.entries.byIds(tx, input.entryIds));
      const id = newId('disclosure', this.clock.now().getTime());
      const { entryIds, recipient, includeEvidence } = input;
      this.ledger.append(tx, {
        class: 'audit',
        action: 'disclosure.created',
        resource: { type: 'disclosure', id, version: null },
        before: null,
        after: { entryIds, recipient, includeEvidence },
      });
      return { id, entryIds, recipient, includeEvidence, disclosure: ctx.dryRun ? null : disclosure };
    });
  }

  private async document(ctx: OpContext, { entryIds, includeEvidence }: DiscloseEntries): Promise<Disclosure> {
    const found = await this.uow.read(ctx, (tx: Tx) => this.entries.byIds(tx, entryIds));
    const entries = requireAll(entryIds, found);
    requireWhole(entries);
    const size = (await this.log.newestHead())?.size ?? 0;
    const early = entries.find(({ place }) => place === null || place.index >= size);
    if (early) throw new ReceiptNotReadyError(early.id);
    return this.proofs.of(ctx, entries, { withEvidence: includeEvidence });
  }
}

/** The entries in the order in which they were asked for. @throws ReferenceNotFoundError for the first that is not there */
export function requireAll(ids: readonly string[], found: readonly OwnEntry[]): OwnEntry[] {
  const byId = new Map(found.map((entry) => [entry.id, entry]));
  return ids.map((id, at) => {
    const entry = byId.get(id);
    if (!entry) throw new ReferenceNotFoundError('ledger entry', id, `/entryIds/${at}`);
    return entry;
  });
}

function requireWhole(entries: readonly OwnEntry[]): void {
  const erased = entries.filter(({ body }) => body === null);
  if (erased.length > 0) throw new EntryErasedError(erased, '/entryIds');
}
