import { type ApiWithLog, startApiWithLog } from '../../ledger/src/testing/api-with-log.js';
import { NetworkFixture, succeeded } from './testing/network-fixture.js';
import { liveTopology, RandomNetwork, seeded } from './testing/random-network.js';

const STEPS = 260;
const ADDRESS = '192.168.1.7';

let api: ApiWithLog;
let fixture: NetworkFixture;
let tenant: Awaited<ReturnType<ApiWithLog['tenant']>>;

beforeAll(async () => {
  api = await startApiWithLog();
  fixture = await NetworkFixture.on(api);
  await fixture.pool('public', '203.0.113.0/24');
  await fixture.gatewayHost('gateway');
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
      if (!(await network.step()) || step < STEPS / 3) continue;
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
      const { history, ...now } = await get(`/v1/vpcs/${vpcId}/topology`);
      expect({ seed, now }).toEqual({ seed, now: last.topology });
      // By the entry, and by its time: the same cut.
      const newest = await get(`/v1/ledger/entries?order=newest-first&limit=1&toIndex=${history.asOf.index + 1}`);
      const byEntry = await get(`/v1/vpcs/${vpcId}/topology?asOf=${newest.items[0].id}`);
      expect({ ...byEntry, history: undefined }).toEqual({ ...last.topology, history: undefined });
      const byTime = await get(`/v1/vpcs/${vpcId}/topology?asOf=${new Date().toISOString()}`);
      expect({ ...byTime, history: undefined }).toEqual({ ...last.topology, history: undefined });
    }
  });
});
