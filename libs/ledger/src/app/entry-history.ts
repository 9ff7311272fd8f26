import { Injectable } from '@nestjs/common';
import { type Tx, UnitOfWork } from '#database';
import { Clock, ConflictError, InvalidInputError, type OpContext, ReferenceNotFoundError } from '#kernel';
import { ERASED_ACTION, type LedgerBody, parseBody } from '#proof';
import type { AsOf, PointInLog } from '../domain/as-of.js';
import { EntryNotInLogError, LogEmptyError } from '../domain/ledger.errors.js';
import { EntryHistoryRepository } from '../infra/entry-history.repository.js';
import { OpenLogRepository } from '../infra/open-log.repository.js';
import { type OwnEntry, OwnEntryRepository } from '../infra/own-entry.repository.js';

/** An entry of a history, in the order of the log. */
export interface HistoryEntry {
  id: string;
  /** Null while it is not in the log. */
  index: number | null;
  /** Null when it was erased. */
  body: LedgerBody | null;
  /** As it is stored, for proofs. */
  stored: OwnEntry;
}

export interface ScopeHistory {
  point: PointInLog;
  /** What belongs to the scope, and what that refers to, up to the point. */
  entries: HistoryEntry[];
  /** Entries of the scope that were erased, up to the point: what they did cannot be known. */
  erased: { id: string; index: number; erasedBy: string }[];
  /** The scope's first entry, wherever the point lies; null when the tenant has no such scope. */
  first: { id: string; index: number | null } | null;
}

/** More entries are not replayed to answer one request. */
export const MAX_REPLAYED = 20_000;

/** Reads what happened to a VPC, or a dataset, up to a point of the log. */
@Injectable()
export class EntryHistory {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly log: OpenLogRepository,
    private readonly entries: OwnEntryRepository,
    private readonly histories: EntryHistoryRepository,
  ) {}

  /** What a resource belongs to by its entries; null when the tenant's log knows of no such resource. */
  scopeOf(ctx: OpContext, resourceId: string): Promise<string | null> {
    return this.uow.read(ctx, (tx) => this.histories.scopeOf(tx, resourceId));
  }

  /**
   * Without a point: up to now, with the entries that are not in the log yet.
   * @param related ids of resources outside the scope that its entries refer to, whose entries belong to the answer
   * @throws LogEmptyError, ReferenceNotFoundError, EntryNotInLogError, InvalidInputError, ConflictError `HistoryTooLong`
   */
  async of(
    ctx: OpContext,
    scopeId: string,
    asOf: AsOf | undefined,
    related: (bodies: LedgerBody[]) => string[],
  ): Promise<ScopeHistory> {
    const size = (await this.log.newestHead())?.size ?? 0;
    return this.uow.read(ctx, async (tx) => {
      // Read before the log: what is taken into it in between is in both, and never in neither.
      const pending = asOf ? [] : parsed(await this.histories.pending(tx, MAX_REPLAYED));
      const last = asOf ? await this.lastIndex(tx, asOf, size) : Number.MAX_SAFE_INTEGER;
      const time = asOf && 'time' in asOf ? asOf.time : null;
      const ofScope = parsed(await this.histories.ofScope(tx, scopeId, last, MAX_REPLAYED + 1));
      const own = cut([...ofScope, ...pending.filter(({ stored }) => stored.scopeId === scopeId)], time, last);
      const ids = related(own.entries.flatMap(({ body }) => body ?? []));
      const others = parsed(await this.histories.ofResources(tx, ids, own.last, MAX_REPLAYED + 1));
      const gone = await this.erasedIn(tx, scopeId, own.last);
      const alsoPending = pending.filter(({ body }) => body && ids.includes(body.resource.id));
      const { entries, last: index } = cut(
        merged([...own.entries, ...others, ...gone, ...alsoPending], pending),
        time,
        own.last,
      );
      if (entries.length > MAX_REPLAYED) throw tooLong(scopeId);
      return {
        point: { index: asOf ? index : null, size },
        entries,
        erased: entries
          .filter(({ body }) => body === null)
          .map(({ id, index: at, stored }) => ({ id, index: at ?? 0, erasedBy: stored.erasedBy ?? '' })),
        first: await this.histories.firstOf(tx, scopeId),
      };
    });
  }

  private async lastIndex(tx: Tx, asOf: AsOf, size: number): Promise<number> {
    if (size === 0) throw new LogEmptyError();
    if ('entryId' in asOf) {
      const entry = await this.entries.find(tx, asOf.entryId);
      if (!entry) throw new ReferenceNotFoundError('ledger entry', asOf.entryId, '/query/asOf');
      if (!entry.place || entry.place.index >= size) throw new EntryNotInLogError(asOf.entryId);
      return entry.place.index;
    }
    if ('index' in asOf) {
      if (asOf.index < size) return asOf.index;
      throw notYet(
        'as-of.published',
        `the log has ${size} entries so far`,
        `use an index below ${size}, or leave it out`,
      );
    }
    const now = this.clock.now();
    if (asOf.time <= now) return size - 1;
    throw notYet('as-of.past', 'that time has not come yet', `use a time up to ${now.toISOString()}, or leave it out`);
  }

  /** Erased entries of the scope: their own columns are gone, the entries that say that they were erased name them. */
  private async erasedIn(tx: Tx, scopeId: string, last: number): Promise<HistoryEntry[]> {
    const erasures = await this.histories.ofScopeByAction(tx, scopeId, ERASED_ACTION, MAX_REPLAYED);
    const rows = await this.entries.byIds(tx, erasures);
    return parsed(rows).filter(({ body, index }) => body === null && index !== null && index <= last);
  }
}

function parsed(rows: readonly OwnEntry[]): HistoryEntry[] {
  return rows.map((stored) => {
    const { id, body, place } = stored;
    return { id, index: place?.index ?? null, body: body && parseBody(body), stored };
  });
}

/** Each once, in the order of the log, and behind that in the order in which they will come into it. */
function merged(entries: HistoryEntry[], pending: HistoryEntry[]): HistoryEntry[] {
  const placed = new Map(entries.filter(({ index }) => index !== null).map((entry) => [entry.id, entry]));
  const waiting = new Set(entries.filter(({ id }) => !placed.has(id)).map(({ id }) => id));
  return [...[...placed.values()].sort((a, b) => a.index! - b.index!), ...pending.filter(({ id }) => waiting.has(id))];
}

/** The entries before the first one that is later than `time`: the order is the log's, and times only say where to cut it. */
function cut(entries: HistoryEntry[], time: Date | null, last: number): { entries: HistoryEntry[]; last: number } {
  const at = time === null ? -1 : entries.findIndex(({ body }) => body && Date.parse(body.time) > time.getTime());
  return at < 0 ? { entries, last } : { entries: entries.slice(0, at), last: entries[at]!.index! - 1 };
}

function notYet(rule: string, message: string, fix: string): InvalidInputError {
  return new InvalidInputError([{ pointer: '/query/asOf', rule, message, fix }]);
}

function tooLong(scopeId: string): ConflictError {
  return new ConflictError(
    'HistoryTooLong',
    `${scopeId} has more than ${MAX_REPLAYED} entries up to then; replay it from GET /v1/ledger/bundle.`,
  );
}
