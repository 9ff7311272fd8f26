import { nodeCrypto } from '#proof';
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
