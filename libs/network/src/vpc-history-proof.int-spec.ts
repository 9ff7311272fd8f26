import { newId } from '#kernel';
import { encodeBody, nodeCrypto } from '#proof';
import { verifyState } from '#topology';
import { type ApiWithLog, startApiWithLog } from '../../../test/support/api-with-log.js';
import { NetworkFixture, succeeded, type WholeNetwork } from './testing/network-fixture.js';

// biome-ignore lint/suspicious/noExplicitAny: documents of every shape
type Json = any;

let api: ApiWithLog;
let fixture: NetworkFixture;
let network: WholeNetwork;
let vkey: string;
let last: number;

beforeAll(async () => {
  api = await startApiWithLog();
  fixture = await NetworkFixture.on(api);
  await fixture.pool('public', '203.0.113.0/24');
  await fixture.gatewayHost('gateway');
  network = await fixture.wholeNetwork();
  await api.sequencer.tick();
  const log = (await api.caller(null)('GET', '/v1/log')).body;
  vkey = log.vkey;
  last = log.size - 1;
});
afterAll(() => fixture?.close());

const verify = (document: Json) =>
  verifyState(Buffer.from(JSON.stringify(document)), { crypto: nodeCrypto, log: vkey, requirePinned: true });
const asked = async (path: string): Promise<Json> => succeeded(await network.call('GET', path));
const whole = () => asked(`/v1/vpcs/${network.vpcId}/topology?receipts=true&asOf=${last}`);

describe('an answer about the past with its receipts', () => {
  it('is recomputed offline by whoever has the file: topology, VPC and effective routes', async () => {
    const table = `/v1/route-tables/${network.routeTableId}/effective-routes`;
    for (const path of [
      `/v1/vpcs/${network.vpcId}/topology?asOf=${last}`,
      `/v1/vpcs/${network.vpcId}?asOf=${last}`,
      `${table}?asOf=${last}`,
      `${table}?asOf=${last}&address=8.8.8.8`,
      `/v1/vpcs/${network.vpcId}/topology?asOf=${new Date().toISOString()}`,
    ]) {
      const document = await asked(`${path}&receipts=true`);
      const report = await verify(document);
      expect(report).toMatchObject({ ok: true, pinned: true, tenant: network.tenantId });
      expect(report.steps.map(({ step, open }) => (open ? `${step}?` : step))).toEqual([
        'format',
        'log-key',
        'checkpoint',
        'inclusion',
        'actor?',
        'witnesses?',
        'anchor?',
        'consistency?',
        'chain',
        'state',
        'completeness?',
      ]);
      expect(document.history.proof.entries).toHaveLength(document.history.entries.length);
    }
  });

  it('without them proves nothing', async () => {
    const document = await asked(`/v1/vpcs/${network.vpcId}/topology?asOf=${last}`);
    expect(await verify(document)).toMatchObject({
      ok: false,
      firstBad: { detail: expect.stringContaining('receipts=true') },
    });
  });

  const EDITS: [what: string, edit: (document: Json) => void, why: string][] = [
    ['another name', (one) => (one.vpc.name = 'forged'), 'at /vpc/name'],
    ['a route less', (one) => one.routeTables[0].effectiveRoutes.pop(), 'at /routeTables/0/effectiveRoutes'],
    ['a route that is used', (one) => (one.routeTables[1].effectiveRoutes.at(-1).use = 'drop'), '/use'],
    ['a subnet of another table', (one) => (one.subnets[0].routeTableId = 'rtb-1'), 'at /subnets/0/routeTableId'],
    ['a member more', (one) => (one.further = true), 'at /further'],
    ['another VPC', (one) => (one.history.vpcId = `vpc-${'0'.repeat(17)}`), 'leave no vpc-'],
    ['another question', (one) => (one.history.question = { kind: 'vpc' }), 'at /'],
    ['another tenant', (one) => (one.history.tenant = `tnt-${'1'.repeat(17)}`), 'the entries are those of'],
    ['another point', (one) => (one.history.asOf.requested = String(last - 1)), 'the answer is for index'],
    ['an earlier point', (one) => (one.history.asOf.index = last - 5), 'behind the point'],
    ['an earlier time', (one) => (one.history.asOf.requested = '2026-01-01T00:00:00Z'), 'is later than'],
    [
      'a point behind an older entry',
      (one) => (one.history.asOf.requested = one.history.entries[0].id),
      'not the state behind',
    ],
    ['an entry that is not named', (one) => one.history.entries.pop(), 'not of the entries'],
    [
      'an entry left out in the middle',
      (one) => {
        one.history.entries.splice(3, 1);
        one.history.proof.entries.splice(3, 1);
      },
      'otherwise than the answer says|follows',
    ],
    [
      'an entry called erased that is not',
      (one) => (one.history.erased = [{ ...one.history.entries[2], erasedBy: `led-${'1'.repeat(17)}` }]),
      'not of the entries',
    ],
    ['an entry at another index', (one) => (one.history.entries[0].index = 0), 'not proven at index 0'],
    [
      'another body',
      (one) => {
        const entry = one.history.proof.entries[0];
        entry.body = Buffer.from(Buffer.from(entry.body, 'base64').toString().replace('10.0.0.0', '10.9.0.0')).toString(
          'base64',
        );
      },
      '',
    ],
    ['a history of version 2', (one) => (one.history.v = 2), 'not a history of version 1'],
    ['a member of the history more', (one) => (one.history.more = 1), 'exactly the members'],
    ['no list of entries', (one) => (one.history.entries = {}), 'not as version 1'],
    ['a null among the entries', (one) => (one.history.entries[0] = null), 'not as version 1'],
  ];
  it.each(EDITS)('with %s does not verify', async (_what, edit, why) => {
    const document = await whole();
    edit(document);
    const report = await verify(document);
    expect(report).toMatchObject({ ok: false, failure: 'invalid' });
    expect(report.firstBad?.detail).toMatch(new RegExp(why));
  });

  it.each(['', 'null', '[]', '{}', '{"history":null}', '{"history":{"v":1}}', '\xff'])(
    'that is %j is refused',
    async (text) => {
      const report = await verifyState(Buffer.from(text, 'latin1'), { crypto: nodeCrypto });
      expect(report).toMatchObject({ ok: false, firstBad: { step: 'format' } });
    },
  );

  it('of another log does not verify against the pinned one', async () => {
    const other = 'freehold/other+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==';
    const bytes = Buffer.from(JSON.stringify(await whole()));
    expect((await verifyState(bytes, { crypto: nodeCrypto, log: other })).ok).toBe(false);
  });

  it('with erased entries verifies as far as it goes, and says which step stays open', async () => {
    const renamed = succeeded(await network.call('PATCH', `/v1/vpcs/${network.vpcId}`, { name: 'secret' }));
    succeeded(await network.call('PATCH', `/v1/vpcs/${network.vpcId}`, { name: 'known' }));
    await api.sequencer.tick();
    const path = `/v1/ledger/entries/${renamed.ledgerEntryId}/erasures`;
    succeeded(await network.call('POST', path, { scope: 'body', reason: 'a request to be forgotten' }));
    await api.sequencer.tick();
    const document = await asked(
      `/v1/vpcs/${network.vpcId}/topology?receipts=true&asOf=${(await api.caller(null)('GET', '/v1/log')).body.size - 1}`,
    );
    expect(JSON.stringify(document)).not.toContain('secret');
    const report = await verify(document);
    expect(report.ok).toBe(true);
    expect(report.steps.find(({ step }) => step === 'chain')).toMatchObject({
      open: true,
      detail: expect.stringMatching(/^1 entries were erased.*starts from another state/),
    });
    document.history.erased = [];
    expect((await verify(document)).ok).toBe(false);
  });
});

describe('a history that is too long for one answer', () => {
  it('is refused by name, first with its proof and then at all, and what is short enough is not', async () => {
    const own = await api.tenant();
    const { id: vpcId } = succeeded(await own.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }));
    await api.sequencer.tick();
    const topology = async (further = '') => {
      const { size } = (await api.caller(null)('GET', '/v1/log')).body;
      return own.call('GET', `/v1/vpcs/${vpcId}/topology?asOf=${size - 1}${further}`);
    };
    const { name: _name, ...record } = (await own.call('GET', `/v1/ledger/entries?resourceId=${vpcId}`)).body.items[0]
      .after;
    const renamed = (first: number, last: number) => rename({ tenant: own.id, vpcId, record }, first, last);
    await renamed(2, 1000);
    expect(await topology('&receipts=true')).toMatchObject({
      status: 409,
      body: { code: 'HistoryTooLong', detail: expect.stringContaining('/v1/ledger/bundle') },
    });
    expect(await topology()).toMatchObject({
      status: 200,
      body: { vpc: { name: 'version 1000' }, history: { breaks: [] } },
    });
    await renamed(1001, 20_000);
    expect(await topology()).toMatchObject({ status: 409, body: { code: 'HistoryTooLong' } });
  });

  /** As the ledger would have recorded so many changes of a name; put in at once. */
  async function rename(
    { tenant, vpcId, record }: { tenant: string; vpcId: string; record: Json },
    first: number,
    last: number,
  ): Promise<void> {
    const state = (version: number) => ({ name: `version ${version}` });
    const bodies = Array.from({ length: last - first + 1 }, (_none, at) => {
      const version = first + at;
      const id = newId('ledgerEntry');
      const body = encodeBody({
        v: 1,
        id,
        tenant,
        class: 'configuration',
        action: 'vpc.updated',
        actor: { type: 'system', id: 'test' },
        keyId: null,
        resource: { type: 'vpc', id: vpcId, version },
        before: { ...record, ...(version === 2 ? { name: null } : state(version - 1)) },
        after: { ...record, ...state(version) },
        requestId: 'req-1',
        time: new Date().toISOString(),
        vouched: { mode: 'custodial' },
      });
      return { id, body: Buffer.from(body) };
    });
    await api.sql(
      `WITH drawn AS (SELECT * FROM unnest($2::text[], $3::bytea[]) AS d (id, body)),
            stored AS (INSERT INTO ledger_entry (tenant_id, id, body, body_hash, salt, scope_id, resource_id, resource_type, action)
                       SELECT $1, id, body, sha256(body), sha256(body), $4, $4, 'vpc', 'vpc.updated' FROM drawn)
       INSERT INTO ledger_pending (tenant_id, entry_id) SELECT $1, id FROM drawn`,
      [tenant, bodies.map(({ id }) => id), bodies.map(({ body }) => body), vpcId],
    );
    const pending = 'SELECT count(*)::int AS count FROM ledger_pending';
    while ((await api.sql<{ count: number }>(pending))[0]!.count > 0) await api.sequencer.tick();
  }
});
