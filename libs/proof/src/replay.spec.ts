import fc from 'fast-check';
import type { JsonValue } from '#kernel';
import type { LedgerBody } from './ledger-body.js';
import { Replay, type ReplayEntry, replay } from './replay.js';
import { StateComparison, type StateRecord } from './state-comparison.js';

const TENANT = 'tnt-00000000000000001';

type Told = { action: string; type: string; id: string; version: number | null; before: JsonValue; after: JsonValue };

function entry(seq: number, told: Told, entryClass: LedgerBody['class'] = 'configuration'): ReplayEntry {
  const id = `led-${seq.toString(16).padStart(17, '0')}`;
  const body: LedgerBody = {
    v: 1,
    id,
    tenant: TENANT,
    class: entryClass,
    action: told.action,
    actor: { type: 'user', id: 'usr-00000000000000001' },
    keyId: null,
    resource: { type: told.type, id: told.id, version: told.version },
    before: told.before,
    after: told.after,
    requestId: 'req-00000000000000001',
    time: '2026-11-26T09:30:00.000Z',
    vouched: { mode: 'custodial' },
  };
  return { entryId: id, seq, index: seq + 100, body };
}

const chain = (...tellings: Told[]): ReplayEntry[] => tellings.map((told, at) => entry(at + 1, told));
const kinds = (fold: Replay) => fold.breaks.map(({ kind, type, id, seq }) => [kind, `${type}/${id}`, seq]);
const erasedAt = (entries: ReplayEntry[], ...seqs: number[]) =>
  entries.map((one) => (seqs.includes(one.seq) ? { ...one, body: null } : one));

const vpc = (version: number, before: JsonValue, after: JsonValue): Told => ({
  action: before === null ? 'vpc.created' : after === null ? 'vpc.deleted' : 'vpc.updated',
  type: 'vpc',
  id: 'vpc-1',
  version,
  before,
  after,
});

describe('the fold of a chain', () => {
  it('keeps the last state of each resource, with the entry that made it, and remembers what is gone', () => {
    const fold = replay(
      chain(vpc(1, null, { name: 'a' }), vpc(2, { name: 'a' }, { name: 'b' }), vpc(3, { name: 'b' }, null)).slice(0, 2),
    );
    expect(fold.resources.get('vpc/vpc-1')).toMatchObject({ version: 2, state: { name: 'b' }, seq: 2, index: 102 });
    fold.apply(entry(3, vpc(3, { name: 'b' }, null)));
    expect(fold.resources.get('vpc/vpc-1')).toMatchObject({ state: null, seq: 3 });
    expect(fold.breaks).toEqual([]);
  });

  it.each([
    ['a state that no entry left', [vpc(1, null, { n: 1 }), vpc(2, { n: 9 }, { n: 2 })], 'before'],
    ['a version left out', [vpc(1, null, { n: 1 }), vpc(3, { n: 1 }, { n: 2 })], 'version'],
    ['a version twice', [vpc(1, null, { n: 1 }), vpc(1, { n: 1 }, { n: 2 })], 'version'],
    ['a creation of what is there', [vpc(1, null, { n: 1 }), vpc(1, null, { n: 1 })], 'exists'],
    ['a change of what never was', [vpc(2, { n: 1 }, { n: 2 })], 'missing'],
    ['a second deletion', [vpc(1, null, {}), vpc(2, {}, null), vpc(3, {}, null)], 'gone'],
    ['a creation of what is gone', [vpc(1, null, {}), vpc(2, {}, null), vpc(1, null, {})], 'gone'],
    ['a creation at another version than the first', [vpc(2, null, {})], 'version'],
  ])('names the resource and the entry of %s', (_what, tellings, kind) => {
    const fold = replay(chain(...tellings));
    const last = tellings.length;
    expect(kinds(fold)).toEqual([[kind, 'vpc/vpc-1', last]]);
    expect(fold.breaks[0]).toMatchObject({ index: last + 100, erasureMayExplain: false });
  });

  it('says which members differ', () => {
    const fold = replay(chain(vpc(1, null, { a: 1, b: [1, 2] }), vpc(2, { a: 1, b: [1, 3] }, {})));
    expect(fold.breaks[0]?.fields).toEqual([{ pointer: '/b/1', expected: 2, actual: 3 }]);
  });

  it('takes no event for a change', () => {
    const fold = replay([
      ...chain(vpc(1, null, { n: 1 })),
      entry(2, { ...vpc(1, null, { format: 'wg-quick' }), action: 'vpc.looked-at' }, 'audit'),
      entry(3, { ...vpc(1, null, null), action: 'vpc.removed' }),
    ]);
    expect(fold.breaks).toEqual([]);
    expect(fold.resources.get('vpc/vpc-1')).toMatchObject({ state: { n: 1 }, seq: 1 });
  });
});

describe('the rules of types', () => {
  const told = (
    action: string,
    type: string,
    id: string,
    version: number | null,
    before: JsonValue,
    after: JsonValue,
  ) => ({
    action,
    type,
    id,
    version,
    before,
    after,
  });
  const TABLE = told('route-table.created', 'route-table', 'rtb-1', 1, null, { vpcId: 'vpc-1' });
  const ROUTE = told('route.created', 'route', 'rtb-1/10.0.0.0/8', 2, null, { target: 'x' });

  it('a route table takes its routes along, and a VPC its tables with theirs', () => {
    const gone = replay(chain(vpc(1, null, {}), TABLE, ROUTE, vpc(2, {}, null)));
    expect([...gone.resources.values()].map(({ state, seq }) => [state, seq])).toEqual([
      [null, 4],
      [null, 4],
      [null, 4],
    ]);
    const other = { ...ROUTE, id: 'rtb-2/10.0.0.0/8' };
    const kept = replay(chain(TABLE, ROUTE, other, { ...TABLE, version: 3, before: { vpcId: 'vpc-1' }, after: null }));
    expect(kept.resources.get('route/rtb-1/10.0.0.0/8')?.state).toBeNull();
    expect(kept.resources.get('route/rtb-2/10.0.0.0/8')?.state).toEqual({ target: 'x' });
    expect([...gone.breaks, ...kept.breaks]).toEqual([]);
  });

  it('a route comes again with the version of its table', () => {
    const fold = replay(
      chain(ROUTE, { ...ROUTE, version: 5, before: { target: 'x' }, after: null }, { ...ROUTE, version: 7 }),
    );
    expect(fold.breaks).toEqual([]);
    fold.apply(entry(4, { ...ROUTE, version: 7, before: { target: 'x' }, after: null }));
    expect(kinds(fold)).toEqual([['version', 'route/rtb-1/10.0.0.0/8', 4]]);
  });

  it('a propagation that is not enabled is not there', () => {
    const at = (version: number, before: boolean, after: boolean) =>
      told('x.y', 'route-propagation', 'rtb-1/vgw-1', version, { enabled: before }, { enabled: after });
    const fold = replay(chain(at(2, false, true), at(3, true, true), at(4, true, false), at(6, false, true)));
    expect(fold.breaks).toEqual([]);
    fold.apply(entry(5, at(7, false, true)));
    expect(kinds(fold)).toEqual([['exists', 'route-propagation/rtb-1/vgw-1', 5]]);
  });

  it('a webhook is used without a new version', () => {
    const at = (version: number, before: JsonValue, after: JsonValue) =>
      told('webhook.told', 'webhook', 'whk-1', version, before, after);
    const fold = replay(chain(at(1, null, {}), at(1, {}, {}), at(2, {}, { n: 1 }), at(2, { n: 1 }, null)));
    expect(fold.breaks).toEqual([]);
    const skipped = replay(chain(at(1, null, {}), at(3, {}, {}), at(2, {}, {})));
    expect(kinds(skipped)).toEqual([
      ['version', 'webhook/whk-1', 2],
      ['version', 'webhook/whk-1', 3],
    ]);
  });

  it('a quota has a default that no entry gave it', () => {
    const at = (before: number, after: number) =>
      told('quota.set', 'quota', `${TENANT}/vpcs`, 1, { allowed: before }, { allowed: after });
    const fold = replay(chain(at(5, 9), at(9, 10)));
    expect(fold.breaks).toEqual([]);
    fold.apply(entry(3, at(5, 11)));
    expect(kinds(fold)).toEqual([['before', `quota/${TENANT}/vpcs`, 3]]);
  });

  it("the end of a tunnel is the operator's to move, and what a tenant's entry saw of it says nothing", () => {
    const at = (action: string, version: number | null, before: JsonValue, after: JsonValue) =>
      told(`vpn-connection.${action}`, 'vpn-connection', 'vpn-1', version, before, after);
    const fold = replay(
      chain(
        at('created', 1, null, { name: 'a', gatewayEndpoint: 'old' }),
        at('endpoint-moved', null, { gatewayEndpoint: 'old' }, { gatewayEndpoint: 'new' }),
        at('updated', 2, { name: 'a', gatewayEndpoint: 'old' }, { name: 'b', gatewayEndpoint: 'old' }),
      ),
    );
    expect(fold.breaks).toEqual([]);
    expect(fold.resources.get('vpn-connection/vpn-1')?.state).toEqual({ name: 'b', gatewayEndpoint: 'new' });
    fold.apply(entry(4, at('deleted', 3, { name: 'b', gatewayEndpoint: 'new' }, null)));
    fold.apply(entry(5, at('endpoint-moved', null, { gatewayEndpoint: 'new' }, { gatewayEndpoint: 'newer' })));
    expect(fold.breaks).toEqual([]);
    expect(fold.resources.get('vpn-connection/vpn-1')?.state).toBeNull();
  });

  it('keys go with their user, and all of them with the tenant; the operator keeps its own', () => {
    const key = (id: string, userId: string) => told('api-key.created', 'api-key', id, 1, null, { userId });
    const user = (version: number, before: JsonValue, after: JsonValue) =>
      told('x.y', 'user', 'usr-1', version, before, after);
    const fold = replay(chain(user(1, null, {}), key('key-1', 'usr-1'), key('key-2', 'usr-2'), user(2, {}, null)));
    expect(fold.resources.get('api-key/key-1')?.state).toBeNull();
    fold.apply(entry(5, told('tenant.created', 'tenant', 'tnt-00000000000000002', 1, null, {})));
    fold.apply(entry(6, told('tenant.deleted', 'tenant', 'tnt-00000000000000002', 2, {}, null)));
    expect(fold.resources.get('api-key/key-2')?.state).toEqual({ userId: 'usr-2' });
    fold.apply(entry(7, told('tenant.genesis', 'tenant', TENANT, 1, null, {})));
    fold.apply(entry(8, told('tenant.deleted', 'tenant', TENANT, 2, {}, null)));
    expect(fold.resources.get('api-key/key-2')?.state).toBeNull();
    expect(fold.breaks).toEqual([]);
  });

  it('the migrations of a dataset go when it was removed, not when that began', () => {
    const set = (action: string, version: number, before: JsonValue, after: JsonValue) =>
      told(`dataset.${action}`, 'dataset', 'ds-1', version, before, after);
    const fold = replay(
      chain(
        set('created', 1, null, {}),
        told('migration.created', 'migration', 'mig-1', 1, null, { datasetId: 'ds-1', state: 'draft' }),
        set('deleted', 3, {}, null),
      ),
    );
    expect(fold.resources.get('migration/mig-1')?.state).not.toBeNull();
    fold.apply(entry(4, set('removed', 4, null, null)));
    expect(fold.resources.get('migration/mig-1')?.state).toBeNull();
    expect(fold.breaks).toEqual([]);
  });
});

describe('erased entries', () => {
  const life = chain(vpc(1, null, { n: 1 }), vpc(2, { n: 1 }, { n: 2 }), vpc(3, { n: 2 }, { n: 3 }));

  it('are counted, and may account for what is missing where they stood', () => {
    const fold = replay(erasedAt(life, 2));
    expect(fold.erased).toBe(1);
    expect(fold.erasedEntries).toEqual([{ entryId: life[1]?.entryId, seq: 2, index: 102 }]);
    expect(fold.breaks.every(({ erasureMayExplain }) => erasureMayExplain)).toBe(true);
    expect(kinds(fold)).toEqual([['before', 'vpc/vpc-1', 3]]);
  });

  it('do not account for a change that raised no version', () => {
    const other = entry(2, { ...vpc(1, null, {}), id: 'vpc-2' });
    const fold = replay([life[0]!, { ...other, body: null }, entry(3, vpc(2, { n: 7 }, { n: 8 }))]);
    expect(fold.breaks).toMatchObject([{ kind: 'before', erasureMayExplain: false }]);
  });

  it('account for the creation of what only later entries tell of', () => {
    const fold = replay(erasedAt(life, 1));
    expect(fold.breaks).toMatchObject([{ kind: 'missing', erasureMayExplain: true }]);
  });

  it('are known with the entry that says so, when there is one', () => {
    const saying = { action: 'ledger-entry.erased', type: 'ledger-entry', version: null, before: null };
    const fold = replay([
      ...erasedAt(life, 2),
      entry(4, { ...saying, id: life[1]!.entryId, after: { scope: 'body' } }, 'audit'),
    ]);
    expect([...fold.erasures]).toEqual([[life[1]!.entryId, `led-${'4'.padStart(17, '0')}`]]);
  });
});

/** What happens to two kinds of things, told by a bookkeeper that knows nothing of folds: it keeps tables, as a database does. */
type Step = { kind: 'vpc' | 'route'; at: number; op: 'create' | 'change' | 'delete'; value: number };
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('vpc' as const, 'route' as const),
  at: fc.nat(4),
  op: fc.constantFrom('create' as const, 'change' as const, 'delete' as const),
  value: fc.nat(99),
});

function bookkeeper(steps: Step[]): { told: Told[]; rows: StateRecord[] } {
  const rows = new Map<string, StateRecord>();
  const told: Told[] = [];
  let drawn = 0;
  const names = new Map<number, string>();
  let tableVersion = 1;
  for (const { kind, at, op, value } of steps) {
    const live = kind === 'vpc' ? names.get(at) : `rtb-1/10.${at}.0.0/16`;
    const id = op === 'create' && kind === 'vpc' ? `vpc-${++drawn}` : (live ?? '');
    const row = rows.get(`${kind}/${id}`);
    if (op === 'create' ? (kind === 'vpc' ? names.has(at) : row) : !row) continue;
    const version = kind === 'vpc' ? (row?.version ?? 0) + 1 : ++tableVersion;
    const state = op === 'delete' ? null : { value, tags: { at: `${at}` } };
    told.push({ action: `${kind}.told`, type: kind, id, version, before: row?.state ?? null, after: state });
    if (state) rows.set(`${kind}/${id}`, { type: kind, id, version, state });
    else rows.delete(`${kind}/${id}`);
    if (kind === 'vpc' && op === 'create') names.set(at, id);
    if (kind === 'vpc' && op === 'delete') names.delete(at);
  }
  return { told, rows: [...rows.values()] };
}

function compare(fold: Replay, rows: readonly StateRecord[]): StateComparison {
  const comparison = new StateComparison(fold);
  for (const row of rows) comparison.record(row);
  comparison.end();
  return comparison;
}

describe('any history', () => {
  it('folds into what its bookkeeper holds, without a break', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { told, rows } = bookkeeper(steps);
        const fold = replay(chain(...told));
        expect(fold.breaks).toEqual([]);
        expect(compare(fold, rows).differences).toEqual([]);
        expect([...fold.resources.values()].filter(({ state }) => state !== null)).toHaveLength(rows.length);
      }),
    );
  });

  it('with a row edited, deleted or inserted differs in exactly that one, named with its last entry', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), fc.nat(), fc.nat(2), (steps, pick, how) => {
        const { told, rows } = bookkeeper(steps);
        fc.pre(rows.length > 0);
        const victim = rows[pick % rows.length]!;
        const last = told.findLastIndex(({ type, id }) => type === victim.type && id === victim.id) + 1;
        const edited = { ...victim, state: { ...(victim.state as object), value: 100 } };
        const strange = { ...victim, id: 'unheard-of' };
        const tampered = [
          rows.map((row) => (row === victim ? edited : row)),
          rows.filter((row) => row !== victim),
          [...rows, strange],
        ][how]!;
        const { differences } = compare(replay(chain(...told)), tampered);
        const kind = (['changed', 'missing in the database', 'not in the ledger'] as const)[how];
        const named = how === 2 ? { id: 'unheard-of', seq: null } : { id: victim.id, seq: last, index: last + 100 };
        expect(differences).toMatchObject([{ kind, ...named, erasureMayExplain: false }]);
        if (how === 0) expect(differences[0]?.fields).toMatchObject([{ pointer: '/value', actual: 100 }]);
      }),
    );
  });

  it('with an entry left out breaks, or differs from the rows, and names that resource alone', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 120 }), fc.nat(), (steps, pick) => {
        const { told, rows } = bookkeeper(steps);
        fc.pre(told.length > 0);
        const dropped = told[pick % told.length]!;
        const fold = replay(chain(...told).filter(({ seq }) => seq !== (pick % told.length) + 1));
        const found = [...fold.breaks, ...compare(fold, rows).differences];
        // A route that came again in between and is the same afterwards: its versions are its table's, so nothing is missed.
        fc.pre(found.length > 0 || dropped.type !== 'route');
        expect(found.length).toBeGreaterThan(0);
        expect(new Set(found.map(({ id }) => id))).toEqual(new Set([dropped.id]));
      }),
    );
  });

  it('with entries erased accuses nobody for good: all that is found may be what they did', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 5, maxLength: 120 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        (steps, picks) => {
          const { told, rows } = bookkeeper(steps);
          fc.pre(told.length > 0);
          const erased = [...new Set(picks.map((pick) => (pick % told.length) + 1))];
          const fold = replay(erasedAt(chain(...told), ...erased));
          expect(fold.erased).toBe(erased.length);
          const found = [...fold.breaks, ...compare(fold, rows).differences];
          expect(found.filter(({ erasureMayExplain }) => !erasureMayExplain)).toEqual([]);
        },
      ),
    );
  });
});
