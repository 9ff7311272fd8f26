import { Test, type TestingModule } from '@nestjs/testing';
import pg from 'pg';
import { DatabaseModule, UnitOfWork } from '#database';
import { newId } from '#kernel';
import { createTestDatabase, type TestDatabase } from '../../../test/support/embedded-database.js';
import type { EntryFilter, EntryOrder } from './domain/entry-filter.js';
import { EntrySearchRepository } from './infra/entry-search.repository.js';
import { contextOf } from './testing/ledger-process.js';

/** More than one page looks through, so that every way of searching is taken. */
const SIZE = 45_000;
const TENANT = newId('tenant');
const START = Date.UTC(2026, 5, 1);

interface Kept {
  seq: number;
  index: number;
  resourceId: string;
  resourceType: string;
  scopeId: string | null;
  actorId: string;
  action: string;
  time: number;
}

let database: TestDatabase;
let module: TestingModule;
let kept: Kept[];

/** A chain whose entries lie three apart in the log; their clock runs a second an entry, and is up to a minute off. */
beforeAll(async () => {
  database = await createTestDatabase();
  const client = new pg.Client({ connectionString: database.urls.freehold_system });
  await client.connect();
  await client.query(
    `INSERT INTO ledger_entry (tenant_id, id, body, body_hash, salt, resource_type, resource_id, scope_id, actor_id, action, happened_at)
     SELECT $1, 'led-' || lpad(to_hex(n), 17, '0'), '', sha256(''), sha256(''), kind, kind || '-' || n % 700,
            CASE WHEN n % 5 = 0 THEN NULL ELSE 'vpc-' || n % 11 END,
            CASE WHEN n % 30000 = 0 THEN 'usr-rare' ELSE 'usr-' || n % 2 END,
            kind || (ARRAY['.created', '.updated', '.deleted'])[n / 7 % 3 + 1],
            to_timestamp($2 / 1000.0) + (n + n * 7919 % 60) * interval '1 second'
       FROM generate_series(1, $3::int) n, LATERAL (SELECT (ARRAY['subnet', 'subnet-pool', 'vpc', 'vpn-gateway'])[n % 4 + 1] AS kind) k`,
    [TENANT, START, SIZE],
  );
  await client.query(
    `INSERT INTO ledger_leaf (leaf_index, tenant_id, entry_id, tenant_seq, prev_hash, leaf)
     SELECT n * 3, $1, 'led-' || lpad(to_hex(n), 17, '0'), n, sha256(''), '' FROM generate_series(1, $2::int) n`,
    [TENANT, SIZE],
  );
  // Published a little later than it happened.
  await client.query(
    `INSERT INTO ledger_checkpoint (size, root, note, epoch, created_at)
     SELECT n * 3 + 1, sha256(''), 'note', 1, to_timestamp($1 / 1000.0) + (n + 120) * interval '1 second'
       FROM generate_series(100, $2::int, 100) n`,
    [START, SIZE],
  );
  await client.query('ANALYZE ledger_entry, ledger_leaf, ledger_checkpoint');
  const { rows } = await client.query(
    `SELECT tenant_seq::int AS seq, leaf_index::int AS index, resource_id AS "resourceId", resource_type AS "resourceType",
            scope_id AS "scopeId", actor_id AS "actorId", action, extract(epoch FROM happened_at)::float8 * 1000 AS time
       FROM ledger_entry JOIN ledger_leaf ON entry_id = id ORDER BY seq`,
  );
  kept = rows;
  await client.end();
  module = await Test.createTestingModule({
    imports: [DatabaseModule.forRoot({ url: database.urls.freehold_api, role: 'api', applicationName: 'test' })],
    providers: [EntrySearchRepository],
  }).compile();
});
afterAll(() => module?.close());

/** What the filter means, of everything. */
function expected(filter: EntryFilter, order: EntryOrder): number[] {
  const { resourceId, resourceType, scopeId, actorId, action, from, to, fromIndex, toIndex } = filter;
  const found = kept.filter(
    (entry) =>
      (resourceId === undefined || entry.resourceId === resourceId) &&
      (resourceType === undefined || entry.resourceType === resourceType) &&
      (scopeId === undefined || entry.scopeId === scopeId) &&
      (actorId === undefined || entry.actorId === actorId) &&
      (action === undefined ||
        (action.endsWith('*') ? entry.action.startsWith(action.slice(0, -1)) : entry.action === action)) &&
      (from === undefined || entry.time >= from.getTime()) &&
      (to === undefined || entry.time < to.getTime()) &&
      (fromIndex === undefined || entry.index >= fromIndex) &&
      (toIndex === undefined || entry.index < toIndex),
  );
  const sequences = found.map((entry) => entry.seq);
  return order === 'oldest-first' ? sequences : sequences.reverse();
}

async function searched(filter: EntryFilter, order: EntryOrder, limit: number) {
  const search = module.get(EntrySearchRepository);
  const found: number[] = [];
  let pages = 0;
  let cursor: string | undefined;
  do {
    const page = await module
      .get(UnitOfWork)
      .read(contextOf(TENANT), (tx) => search.inLog(tx, { limit, cursor }, filter, order));
    expect(page.sequences.length).toBeLessThanOrEqual(limit);
    found.push(...page.sequences);
    cursor = page.nextCursor ?? undefined;
    pages += 1;
  } while (cursor !== undefined && pages < 200);
  return { found, pages };
}

const at = (second: number) => new Date(START + second * 1000);

describe('a search of own entries', () => {
  const FILTERS: EntryFilter[] = [
    {},
    { resourceId: 'subnet-pool-1' },
    { resourceId: 'nothing' },
    { scopeId: 'vpc-3' },
    { scopeId: 'vpc-3', action: 'subnet.*' },
    { actorId: 'usr-rare' },
    { actorId: 'usr-1' },
    { actorId: 'usr-1', resourceType: 'vpc' },
    // Frequent each, and never together: looked through to the end.
    { actorId: 'usr-1', action: 'subnet-pool.created', resourceType: 'vpc' },
    { action: 'subnet.*' },
    { action: 'vpn-gateway.deleted' },
    { fromIndex: 0, toIndex: 1 },
    { fromIndex: 300, toIndex: 900 },
    { fromIndex: 100_001, toIndex: 100_001 },
    { fromIndex: 134_998 },
    { fromIndex: 10_000_000 },
    { toIndex: 4, actorId: 'usr-1' },
    { from: at(100), to: at(200) },
    { from: at(10_000), to: at(30_000), resourceType: 'subnet' },
    { from: at(44_000) },
    { to: at(50), fromIndex: 60 },
    { from: at(20_000), fromIndex: 3000, toIndex: 90_000, actorId: 'usr-0', action: 'vpc.*', scopeId: 'vpc-4' },
  ];

  it.each(FILTERS.flatMap((filter) => [[filter, 'oldest-first'] as const, [filter, 'newest-first'] as const]))(
    'by %j, %s, finds all there is and nothing else',
    async (filter, order) => {
      const { found, pages } = await searched(filter, order, 1000);
      const right = expected(filter, order);
      expect(found.length).toBe(right.length);
      expect(found).toEqual(right);
      // A page for each thousand, and one for each stretch that was looked through.
      expect(pages).toBeLessThanOrEqual(Math.ceil(right.length / 1000) + 4);
    },
  );

  it('goes on from a cursor without losing or repeating anything, whatever the limit', async () => {
    for (const limit of [1, 7, 999]) {
      const filter = { actorId: 'usr-1', scopeId: 'vpc-7', fromIndex: 1000, toIndex: 4000 };
      expect((await searched(filter, 'newest-first', limit)).found).toEqual(expected(filter, 'newest-first'));
    }
  });

  it("finds nothing of another tenant's", async () => {
    const page = await module.get(UnitOfWork).read(contextOf(newId('tenant')), async (tx) => {
      const search = module.get(EntrySearchRepository);
      return [
        await search.inLog(tx, { limit: 10 }, { resourceId: 'subnet-pool-1' }, 'oldest-first'),
        await search.pending(tx, 10, {}),
      ];
    });
    expect(page).toEqual([{ sequences: [], nextCursor: null }, []]);
  });
});
