import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, type Tx, UnitOfWork } from '#database';
import { type LedgerEntryId, NotFoundError, type OpContext } from '#kernel';
import {
  type AnchorRecord,
  buildReceipt,
  type ChainedEvidence,
  type Receipt,
  type Vouching,
  vouchingOfBody,
} from '#proof';
import { AnchorDirectory } from '../domain/anchor-directory.js';
import type { EntryFilter, EntryOrder } from '../domain/entry-filter.js';
import { EntryErasedError, ReceiptNotReadyError } from '../domain/ledger.errors.js';
import { EntrySearchRepository } from '../infra/entry-search.repository.js';
import { EvidenceRepository } from '../infra/evidence.repository.js';
import { LogIdentity } from '../infra/log-identity.js';
import { OpenLogRepository, type PublishedHead } from '../infra/open-log.repository.js';
import { type OwnEntry, OwnEntryRepository } from '../infra/own-entry.repository.js';
import { LogKeyQueries } from './log-key.queries.js';
import { PublishedTrees } from './published-trees.js';

/** An entry with what covers it by now. */
export interface CoveredEntry {
  entry: OwnEntry;
  /** Whether a published checkpoint covers it. */
  published: boolean;
  anchor: AnchorRecord | null;
}

export interface EntryListFilter extends EntryFilter {
  order: EntryOrder;
  includePending: boolean;
}

/** A tenant's own entries, and their receipts. */
@Injectable()
export class LedgerEntryQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly entries: OwnEntryRepository,
    private readonly search: EntrySearchRepository,
    private readonly log: OpenLogRepository,
    private readonly anchors: AnchorDirectory,
    private readonly identity: LogIdentity,
    private readonly logKeys: LogKeyQueries,
    private readonly trees: PublishedTrees,
    private readonly evidence: EvidenceRepository,
  ) {}

  /** @throws NotFoundError */
  async get(ctx: OpContext, id: LedgerEntryId): Promise<CoveredEntry> {
    const entry = await this.find(ctx, id);
    const head = await this.log.newestHead();
    return {
      entry,
      published: isCovered(entry, head),
      anchor: entry.place ? await this.anchors.covering(entry.place.index) : null,
    };
  }

  /**
   * In the order of the tenant's chain; an entry appears once it is in the log. With `includePending`, entries that are not
   * in it yet come beside those: after the oldest-first list's last page, or before the newest-first list's first one.
   */
  async list(ctx: OpContext, page: PageRequest, filter: EntryListFilter): Promise<Page<CoveredEntry>> {
    requirePermission(ctx, 'ledger:read');
    const found = await this.uow.read(ctx, (tx: Tx) => this.page(tx, page, filter));
    const head = await this.log.newestHead();
    const [newest] = head ? await this.anchors.upTo(head.size, 1) : [];
    const items = found.items.map((entry) => {
      const anchor = newest && entry.place && entry.place.index < newest.size ? newest : null;
      return { entry, published: isCovered(entry, head), anchor };
    });
    return { items, nextCursor: found.nextCursor };
  }

  /**
   * The receipt under the smallest anchored checkpoint that covers the entry; while its anchor is pending, under the smallest
   * one that enough witnesses cosigned, or whose anchor is promised, or else the newest published one.
   * @throws NotFoundError, ReceiptNotReadyError, EntryErasedError
   */
  async receipt(ctx: OpContext, id: LedgerEntryId): Promise<Receipt> {
    const entry = await this.find(ctx, id);
    const { body, salt, place } = entry;
    if (body === null || salt === null) throw new EntryErasedError([entry]);
    if (!place) throw new ReceiptNotReadyError(id);
    const anchor = await this.anchors.covering(place.index);
    const [head] = anchor ? await this.log.heads([anchor.size]) : [await this.pendingHead(place.index)];
    if (!head || head.size <= place.index) throw new ReceiptNotReadyError(id);
    const [anchorProof = null] = anchor ? await this.anchors.proofsOf([anchor]) : [];
    return buildReceipt({
      log: { origin: this.identity.origin, vkey: this.identity.vkey },
      keys: await this.logKeys.linksUpTo(head.size),
      opening: { entryId: id, body, salt, tenantSeq: place.tenantSeq, prevHash: place.prevHash },
      evidence: await this.evidenceOf(ctx, vouchingOfBody(body)),
      leaf: place.leaf,
      index: place.index,
      inclusionProof: await this.trees.of(head.size).inclusionProof(place.index),
      checkpoint: head.note,
      anchor,
      anchorPromise: anchor ? null : await this.anchors.promiseOf(head.size),
      anchorProof,
    });
  }

  private async evidenceOf(ctx: OpContext, vouched: Vouching): Promise<ChainedEvidence | null> {
    if (vouched.mode !== 'signed') return null;
    const found = await this.uow.read(ctx, (tx: Tx) => this.evidence.withChains(tx, [vouched]));
    return found.get(vouched.evidence) ?? null;
  }

  private async pendingHead(index: number): Promise<PublishedHead | null> {
    const witnessed = await this.log.witnessedHeadCovering(index);
    if (witnessed) return witnessed;
    const promised = await this.anchors.promiseCovering(index);
    const [head] = promised ? await this.log.heads([promised.size]) : [];
    return head ?? (await this.log.newestHead());
  }

  private async page(tx: Tx, page: PageRequest, filter: EntryListFilter): Promise<Page<OwnEntry>> {
    const { order, includePending, ...conditions } = filter;
    // Asked for first: what is taken into the log in between is in both lists, and shown once; never in neither.
    const pendingIds = includePending ? await this.search.pending(tx, page.limit, conditions) : [];
    const { sequences, nextCursor } = await this.search.inLog(tx, page, conditions, order);
    const inLog = await this.entries.bySequence(tx, sequences);
    if (order === 'newest-first') inLog.reverse();
    const here = order === 'newest-first' ? page.cursor === undefined : nextCursor === null;
    if (!here) return { items: inLog, nextCursor };
    const shown = new Set(inLog.map((entry) => entry.id));
    const pending = (await this.entries.byIds(tx, pendingIds)).filter((entry) => !shown.has(entry.id));
    return order === 'newest-first'
      ? { items: [...pending.reverse(), ...inLog], nextCursor }
      : { items: [...inLog, ...pending], nextCursor };
  }

  private async find(ctx: OpContext, id: LedgerEntryId): Promise<OwnEntry> {
    requirePermission(ctx, 'ledger:read');
    const entry = await this.uow.read(ctx, (tx: Tx) => this.entries.find(tx, id));
    if (!entry) throw new NotFoundError('ledger entry', id);
    return entry;
  }
}

function isCovered(entry: OwnEntry, head: PublishedHead | null): boolean {
  return entry.place !== null && head !== null && entry.place.index < head.size;
}
