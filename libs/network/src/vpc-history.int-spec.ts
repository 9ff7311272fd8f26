import { type ApiWithLog, startApiWithLog } from '../../../test/support/api-with-log.js';
import { NetworkFixture, succeeded } from './testing/network-fixture.js';
import { liveTopology, RandomNetwork, seeded } from './testing/random-network.js';

const STEPS = 260;
const ADDRESS = '192.168.1.7';

let api: ApiWithLog;
let fixture: NetworkFixture;
let hostId: string;
let tenant: Awaited<ReturnType<ApiWithLog['tenant']>>;

beforeAll(async () => {
  api = await startApiWithLog();
  fixture = await NetworkFixture.on(api);
  await fixture.pool('public', '203.0.113.0/24');
  hostId = await fixture.gatewayHost('gateway');
  tenant = await api.tenant();
});
afterAll(() => fixture?.close());

// biome-ignore lint/suspicious/noExplicitAny: replies of every shape
type Json = any;

const get = async (path: string): Promise<Json> => succeeded(await tenant.call('GET', path));

/** What was answered about the present at one moment. */
interface Moment {
  vpcId: string;
  /** The last index of the log then. */
  index: number;
  topology: Json;
  /** Of the main table, with a packet. */
  routes: Json;
  time: number;
}

/** The operator's end of all tunnels is somewhere else from now on. */
async function moveHost(number: number): Promise<Json> {
  const host = succeeded(await api.operator('GET', `/v1/system/gateway-hosts/${hostId}`));
  const { name, wireguardPublicKey } = host;
  const body = { name, wireguardPublicKey, endpoint: `vpn${number}.example.net:51820` };
  return succeeded(await api.operator('PUT', `/v1/system/gateway-hosts/${hostId}`, body));
}

describe('the past of a VPC', () => {
  it('is what was answered about the present at each moment, after any history', async () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = seeded(seed);
    const vpcIds: string[] = [];
    for (const cidrBlock of ['10.0.0.0/16', '10.0.0.0/16'])
      vpcIds.push(succeeded(await tenant.call('POST', '/v1/vpcs', { cidrBlock })).id);
    const network = new RandomNetwork(tenant.call, vpcIds, random);
    const moments: Moment[] = [];
    for (let step = 0; step < STEPS; step++) {
      // The first ones are not looked at one by one: they only fill the VPCs.
      const changed = random() < 0.05 ? await moveHost(step) : await network.step();
      if (!changed || step < STEPS / 3) continue;
      await api.sequencer.tick();
      const { size } = (await api.caller(null)('GET', '/v1/log')).body;
      for (const vpcId of vpcIds) {
        const topology = await liveTopology(tenant.call, vpcId);
        const routes = await get(
          `/v1/route-tables/${topology.vpc.mainRouteTableId}/effective-routes?address=${ADDRESS}`,
        );
        moments.push({ vpcId, index: size - 1, topology, routes, time: Date.now() });
      }
      if (random() < 0.4) await fixture.realize(vpcIds[Math.floor(random() * 2)]!);
    }
    expect([seed, moments.length > STEPS / 4]).toEqual([seed, true]);
    for (const { vpcId, index, topology, routes } of moments) {
      const { history, ...past } = await get(`/v1/vpcs/${vpcId}/topology?asOf=${index}`);
      expect({ seed, index, past }).toEqual({ seed, index, past: topology });
      expect(history).toMatchObject({ vpcId, erased: [], breaks: [], asOf: { requested: String(index), index } });
      const path = `/v1/route-tables/${topology.vpc.mainRouteTableId}/effective-routes`;
      const { history: _routes, ...routesThen } = await get(`${path}?asOf=${index}&address=${ADDRESS}`);
      expect({ seed, index, routesThen }).toEqual({ seed, index, routesThen: routes });
      const { history: _vpc, ...vpcThen } = await get(`/v1/vpcs/${vpcId}?asOf=${index}`);
      expect({ seed, index, vpcThen }).toEqual({ seed, index, vpcThen: topology.vpc });
    }
    for (const vpcId of vpcIds) {
      const last = moments.filter((moment) => moment.vpcId === vpcId).at(-1)!;
      const { history: _now, ...now } = await get(`/v1/vpcs/${vpcId}/topology`);
      expect({ seed, now }).toEqual({ seed, now: last.topology });
      // By the entry, and by its time: the same cut.
      const newest = await get('/v1/ledger/entries?order=newest-first&limit=1');
      const byEntry = await get(`/v1/vpcs/${vpcId}/topology?asOf=${newest.items[0].id}`);
      expect({ ...byEntry, history: undefined }).toEqual({ ...last.topology, history: undefined });
      const byTime = await get(`/v1/vpcs/${vpcId}/topology?asOf=${new Date().toISOString()}`);
      expect({ ...byTime, history: undefined }).toEqual({ ...last.topology, history: undefined });
    }
  });
});

describe('a point of the log', () => {
  let own: Awaited<ReturnType<ApiWithLog['tenant']>>;
  let vpcId: string;
  let created: Json;
  const at = (path: string, asOf: string | number, call = own.call) =>
    call('GET', `${path}${path.includes('?') ? '&' : '?'}asOf=${encodeURIComponent(asOf)}`);
  const entry = async (id: string): Promise<Json> => succeeded(await own.call('GET', `/v1/ledger/entries/${id}`));

  beforeAll(async () => {
    own = await api.tenant();
    created = succeeded(await own.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16', name: 'first' }));
    vpcId = created.id;
    await api.sequencer.tick();
  });

  it('may be the present, with what is not in the log yet', async () => {
    const renamed = succeeded(await own.call('PATCH', `/v1/vpcs/${vpcId}`, { name: 'second' }));
    const now = succeeded(await own.call('GET', `/v1/vpcs/${vpcId}/topology`));
    expect(now).toMatchObject({ vpc: { name: 'second' }, history: { asOf: { requested: null, index: null } } });
    expect(now.history.entries.at(-1)).toEqual({ id: renamed.ledgerEntryId, index: null });
    const early = await at(`/v1/vpcs/${vpcId}`, renamed.ledgerEntryId);
    expect(early).toMatchObject({ status: 409, body: { code: 'EntryNotInLog' } });
    await api.sequencer.tick();
    const { index } = await entry(renamed.ledgerEntryId);
    expect((await at(`/v1/vpcs/${vpcId}`, renamed.ledgerEntryId)).body).toMatchObject({ name: 'second', version: 2 });
    expect((await at(`/v1/vpcs/${vpcId}`, index - 1)).body).toMatchObject({ name: 'first', version: 1 });
  });

  it('may be a time: before the first entry that is later', async () => {
    const renamed = succeeded(await own.call('PATCH', `/v1/vpcs/${vpcId}`, { name: 'third' }));
    await api.sequencer.tick();
    const { time, index } = await entry(renamed.ledgerEntryId);
    expect((await at(`/v1/vpcs/${vpcId}`, time)).body.name).toBe('third');
    const before = (await at(`/v1/vpcs/${vpcId}`, new Date(Date.parse(time) - 1).toISOString())).body;
    expect(before).toMatchObject({ name: 'second', history: { asOf: { index: index - 1 } } });
  });

  it('before the VPC was there is told to its owner alone', async () => {
    const { index } = await entry(created.ledgerEntryId);
    for (const path of [`/v1/vpcs/${vpcId}`, `/v1/vpcs/${vpcId}/topology`]) {
      const reply = await at(path, index - 1);
      expect(reply).toMatchObject({ status: 404, body: { code: 'NotThen' } });
      expect(reply.body.detail).toContain(created.ledgerEntryId);
      const foreign = await at(path, index - 1, tenant.call);
      const missing = await at(path.replace(vpcId, `vpc-${'0'.repeat(17)}`), index - 1, tenant.call);
      const told = ({ requestId: _id, ...body }: Json) =>
        JSON.stringify(body)
          .replaceAll(vpcId, '')
          .replaceAll(`vpc-${'0'.repeat(17)}`, '');
      expect([foreign.status, told(foreign.body)]).toEqual([404, told(missing.body)]);
    }
    const table = await at(`/v1/route-tables/${created.mainRouteTableId}/effective-routes`, index);
    expect(table).toMatchObject({ status: 404, body: { code: 'NotThen' } });
    expect(await at(`/v1/route-tables/rtb-${'0'.repeat(17)}/effective-routes`, index)).toMatchObject({
      status: 404,
      body: { code: 'NotFound' },
    });
  });

  it("of another tenant's entry is like that of none", async () => {
    const theirs = succeeded(await tenant.call('GET', '/v1/ledger/entries?limit=1')).items[0].id;
    const none = `led-${'0'.repeat(17)}`;
    const told = (reply: Json, id: string) => JSON.stringify({ ...reply.body, requestId: '' }).replaceAll(id, '');
    const path = `/v1/vpcs/${vpcId}/topology`;
    const foreign = await at(path, theirs);
    expect(foreign).toMatchObject({ status: 400, body: { errors: [{ pointer: '/query/asOf' }] } });
    expect(told(foreign, theirs)).toBe(told(await at(path, none), none));
  });

  it.each([
    ['yesterday', 'as-of.point'],
    ['', 'as-of.point'],
    ['-1', 'as-of.point'],
    ['01', 'as-of.point'],
    ['1.5', 'as-of.point'],
    ['led-1', 'as-of.point'],
    ['2026-11-26', 'as-of.point'],
    ['2026-13-26T00:00:00Z', 'as-of.point'],
    ['2026-11-26T00:00:00+01:00', 'as-of.point'],
    ['999999999', 'as-of.published'],
    ['9999-01-01T00:00:00Z', 'as-of.past'],
  ])('that is %j is refused with the rule and a fix', async (asOf, rule) => {
    for (const path of [`/v1/vpcs/${vpcId}`, `/v1/vpcs/${vpcId}/topology`]) {
      expect(await at(path, asOf)).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '/query/asOf', rule, fix: expect.any(String) }] },
      });
    }
  });

  it('is needed for receipts', async () => {
    expect(await own.call('GET', `/v1/vpcs/${vpcId}/topology?receipts=true`)).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/query/receipts', rule: 'as-of.receipts' }] },
    });
  });

  it('may lie in the life of a VPC that is gone', async () => {
    const { vpc: last, history } = succeeded(await own.call('GET', `/v1/vpcs/${vpcId}/topology`));
    const deleted = succeeded(await own.call('DELETE', `/v1/vpcs/${vpcId}`));
    await fixture.realize(vpcId);
    await api.sequencer.tick();
    expect(await own.call('GET', `/v1/vpcs/${vpcId}`)).toMatchObject({ status: 404, body: { code: 'NotFound' } });
    const index = history.entries.at(-1).index;
    const { history: _then, ...past } = (await at(`/v1/vpcs/${vpcId}`, index)).body;
    expect(past).toEqual(last);
    const gone = await at(`/v1/vpcs/${vpcId}`, deleted.ledgerEntryId);
    expect(gone).toMatchObject({ status: 404, body: { code: 'NotThen' } });
    expect(gone.body.detail).toContain(deleted.ledgerEntryId);
  });
});

describe('a history with erased entries', () => {
  it('names what cannot be known, and guesses nothing', async () => {
    const own = await api.tenant();
    const call = async (method: string, path: string, body?: object) => succeeded(await own.call(method, path, body));
    const vpc = await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
    const subnet = await call('POST', '/v1/subnets', { vpcId: vpc.id, cidrBlock: '10.0.1.0/24', zone: 'zone-1' });
    const renamed = await call('PATCH', `/v1/vpcs/${vpc.id}`, { name: 'secret' });
    const later = await call('PATCH', `/v1/vpcs/${vpc.id}`, { name: 'known again' });
    await api.sequencer.tick();
    const erasure = await call('POST', `/v1/ledger/entries/${renamed.ledgerEntryId}/erasures`, {
      scope: 'body',
      reason: 'a request to be forgotten',
    });
    await api.sequencer.tick();
    const index = (await call('GET', `/v1/ledger/entries/${later.ledgerEntryId}`)).index;
    const erased = [{ id: renamed.ledgerEntryId, index: index - 1, erasedBy: erasure.ledgerEntryId }];
    const between = await call('GET', `/v1/vpcs/${vpc.id}/topology?asOf=${index - 1}`);
    expect(between).toMatchObject({ vpc: { name: null }, subnets: [{ id: subnet.id }], history: { erased } });
    expect(JSON.stringify(between)).not.toContain('secret');
    const after = await call('GET', `/v1/vpcs/${vpc.id}/topology?asOf=${index}`);
    expect(after).toMatchObject({ vpc: { name: 'known again' }, history: { erased } });
    // The next entry about the VPC starts from what the erased one left: the gap shows.
    expect(after.history.breaks).toMatchObject([{ entryId: later.ledgerEntryId, type: 'vpc', id: vpc.id }]);
    const before = await call('GET', `/v1/vpcs/${vpc.id}/topology?asOf=${index - 2}`);
    expect(before.history).toMatchObject({ erased: [], breaks: [] });
    await call('POST', `/v1/ledger/entries/${vpc.ledgerEntryId}/erasures`, {
      scope: 'body',
      reason: 'a request to be forgotten',
    });
    await api.sequencer.tick();
    const unknown = await own.call('GET', `/v1/vpcs/${vpc.id}?asOf=${index - 2}`);
    expect(unknown).toMatchObject({
      status: 409,
      body: { code: 'StateErased', erasedEntries: [vpc.ledgerEntryId] },
    });
  });
});
