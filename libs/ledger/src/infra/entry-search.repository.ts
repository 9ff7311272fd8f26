import { Injectable } from '@nestjs/common';
import { decodeCursor, encodeCursor, type PageRequest, type Tx } from '#database';
import { InvalidInputError } from '#kernel';
import { type ColumnCondition, conditionsOf, type EntryFilter, type EntryOrder } from '../domain/entry-filter.js';

/** A condition that holds for at most so many entries is served by its index; the entries are then sorted. */
const FEW = 5000;
/** Where every condition holds for more, so many entries of the chain are looked through, part by part, for one page. */
const WINDOW = [1000, 4000, 15_000];
/** Entries that are not in the log yet are looked for among so many of the newest. */
const NEWEST = 2000;
/** How far the clocks of an API process and of the database may be apart. */
const CLOCK_TOLERANCE_MS = 300_000;

export interface FoundSequences {
  /** Numbers in the tenant's chain, in the order asked for. */
  sequences: number[];
  nextCursor: string | null;
}

/**
 * Finds entries of the transaction's own tenant by what their columns say. The work of a page is bounded whatever is asked
 * of a chain of whatever length: either an index narrows the search to few entries, or the page covers a stretch of the
 * chain, and may then hold fewer entries than its limit, or none, and still not be the last.
 */
@Injectable()
export class EntrySearchRepository {
  /** Entries in the log, in the order of the tenant's chain. */
  async inLog(tx: Tx, { limit, cursor }: PageRequest, filter: EntryFilter, order: EntryOrder): Promise<FoundSequences> {
    const stretch = beyond(await this.stretchOf(tx, filter), sequenceOf(cursor), order);
    if (stretch.first >= stretch.end) return { sequences: [], nextCursor: null };
    const groups = conditionsOf(filter);
    const few = groups.length > 0 && (await this.someAreFew(tx, groups));
    if (few || groups.length === 0) {
      const sequences = await this.find(tx, groups.flat(), stretch, order, limit + 1, few);
      return cutTo(limit, sequences, null);
    }
    const found: number[] = [];
    let rest = stretch;
    for (const count of WINDOW) {
      const part = firstOf(rest, count, order);
      found.push(...(await this.find(tx, groups.flat(), part, order, limit + 1 - found.length, false)));
      rest = order === 'oldest-first' ? { first: part.end, end: rest.end } : { first: rest.first, end: part.first };
      if (found.length > limit || rest.first >= rest.end) break;
    }
    // The last number that was looked at, found or not.
    const last = order === 'oldest-first' ? rest.first - 1 : rest.end;
    return cutTo(limit, found, rest.first < rest.end ? last : null);
  }

  /** The newest entries that are not in the log yet, newest first: ids. */
  async pending(tx: Tx, limit: number, filter: EntryFilter): Promise<string[]> {
    if (filter.fromIndex !== undefined || filter.toIndex !== undefined) return [];
    const parameters = [tx.ctx?.tenantId, NEWEST, limit];
    const conditions = written('e', conditionsOf(filter).flat(), parameters);
    const rows = await tx.query<{ id: string }>(
      `SELECT e.id FROM (SELECT * FROM ledger_entry WHERE tenant_id = $1 ORDER BY id DESC LIMIT $2) e
        WHERE NOT EXISTS (SELECT FROM ledger_leaf l WHERE l.tenant_id = $1 AND l.entry_id = e.id) ${conditions}
        ORDER BY e.id DESC LIMIT $3`,
      parameters,
    );
    return rows.map(({ id }) => id);
  }

  /** Whether one of the conditions narrows the search to few entries. No index is read further than that. */
  private async someAreFew(tx: Tx, groups: ColumnCondition[][]): Promise<boolean> {
    const parameters: unknown[] = [tx.ctx?.tenantId, FEW + 1];
    const counts = groups.map(
      (group) => `(SELECT count(*) FROM (SELECT FROM ledger_entry e
                     WHERE e.tenant_id = $1 ${written('e', group, parameters)} LIMIT $2) probe)`,
    );
    const [row] = await tx.query<{ few: boolean }>(`SELECT least(${counts.join(', ')}) < $2 AS few`, parameters);
    return row?.few ?? false;
  }

  private async find(
    tx: Tx,
    conditions: ColumnCondition[],
    { first, end }: Stretch,
    order: EntryOrder,
    limit: number,
    few: boolean,
  ): Promise<number[]> {
    const parameters: unknown[] = [tx.ctx?.tenantId, first, end, limit];
    const where = written('e', conditions, parameters);
    const direction = order === 'newest-first' ? 'DESC' : 'ASC';
    const inStretch = 'l.tenant_id = $1 AND l.tenant_seq >= $2 AND l.tenant_seq < $3';
    // No joins, whose plans depend on what the statistics know of this tenant: one table narrows the other by a list.
    const ofStretch = few ? '' : `AND e.id = ANY (ARRAY(SELECT l.entry_id FROM ledger_leaf l WHERE ${inStretch}))`;
    const entries = `ARRAY(SELECT e.id FROM ledger_entry e WHERE e.tenant_id = $1 ${ofStretch} ${where})`;
    const rows = await tx.query<{ seq: number }>(
      `SELECT l.tenant_seq::float8 AS seq FROM ledger_leaf l
        WHERE ${inStretch} ${conditions.length === 0 ? '' : `AND l.entry_id = ANY (${entries})`}
        ORDER BY l.tenant_seq ${direction} LIMIT $4`,
      parameters,
    );
    return rows.map(({ seq }) => seq);
  }

  /** The stretch of the chain in which whatever the filter finds must lie. */
  private async stretchOf(tx: Tx, { fromIndex, toIndex, from }: EntryFilter): Promise<Stretch> {
    const [newest] = await tx.query<{ seq: number }>(
      'SELECT tenant_seq::float8 AS seq FROM ledger_leaf WHERE tenant_id = $1 ORDER BY tenant_seq DESC LIMIT 1',
      [tx.ctx?.tenantId],
    );
    const size = newest?.seq ?? 0;
    const since = Math.max(fromIndex ?? 0, from ? await this.publishedBefore(tx, from) : 0);
    return {
      first: since === 0 ? 1 : await this.firstSequence(tx, since, size),
      end: toIndex === undefined ? size + 1 : await this.firstSequence(tx, toIndex, size),
    };
  }

  /** How many entries the log had before that time: what happened later has a higher index. */
  private async publishedBefore(tx: Tx, time: Date): Promise<number> {
    const [head] = await tx.query<{ size: number }>(
      'SELECT size::float8 AS size FROM ledger_checkpoint WHERE created_at < $1 ORDER BY created_at DESC LIMIT 1',
      [new Date(time.getTime() - CLOCK_TOLERANCE_MS)],
    );
    return head?.size ?? 0;
  }

  /** The first own number whose index is at least `index`, by halving: along the chain, indexes only grow. */
  private async firstSequence(tx: Tx, index: number, size: number): Promise<number> {
    const [found] = await tx.query<{ seq: number }>(
      `WITH RECURSIVE search (low, high) AS (
         SELECT 1::bigint, $3::bigint + 1
         UNION ALL
         SELECT CASE WHEN l.leaf_index < $2 THEN l.tenant_seq + 1 ELSE low END,
                CASE WHEN l.leaf_index < $2 THEN high ELSE l.tenant_seq END
           FROM search JOIN ledger_leaf l ON l.tenant_id = $1 AND l.tenant_seq = (low + high) / 2
          WHERE low < high
       )
       SELECT low::float8 AS seq FROM search WHERE low = high`,
      [tx.ctx?.tenantId, index, size],
    );
    return found?.seq ?? size + 1;
  }
}

/** Numbers of a chain from `first` up to, but without, `end`. */
interface Stretch {
  first: number;
  end: number;
}

function beyond({ first, end }: Stretch, last: number | null, order: EntryOrder): Stretch {
  if (last === null) return { first, end };
  return order === 'oldest-first' ? { first: Math.max(first, last + 1), end } : { first, end: Math.min(end, last) };
}

function firstOf(stretch: Stretch, count: number, order: EntryOrder): Stretch {
  const { first, end } = stretch;
  if (end - first <= count) return stretch;
  return order === 'oldest-first' ? { first, end: first + count } : { first: end - count, end };
}

function cutTo(limit: number, sequences: number[], lastSeen: number | null): FoundSequences {
  const page = sequences.slice(0, limit);
  const last = sequences.length > limit ? page.at(-1)! : lastSeen;
  return { sequences: page, nextCursor: last === null ? null : encodeCursor(String(last)) };
}

/** The conditions as SQL after others, their values added to the parameters. */
function written(alias: string, conditions: ColumnCondition[], parameters: unknown[]): string {
  return conditions
    .map(({ column, operator, value }) => {
      parameters.push(value);
      const type = column === 'happened_at' ? 'timestamptz' : 'text';
      return `AND ${alias}.${column} ${operator} $${parameters.length}::${type}`;
    })
    .join(' ');
}

function sequenceOf(cursor: string | undefined): number | null {
  const key = decodeCursor(cursor);
  if (key === null) return null;
  if (/^[0-9]{1,15}$/.test(key)) return Number(key);
  throw new InvalidInputError([
    {
      pointer: '/query/cursor',
      rule: 'cursor.opaque',
      message: 'not a cursor of this list',
      fix: 'use the nextCursor of the previous page, or leave it out',
    },
  ]);
}
