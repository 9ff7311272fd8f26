import type pg from 'pg';
import { SystemUnitOfWork, type Tx } from '#database';
import type { VpcIntent } from '#topology';
import { VpcIntentQuery } from './app/vpc-intent.query.js';
import { VpcRealization } from './app/vpc-realization.js';
import { NetworkFixture, succeeded, type WholeNetwork } from './testing/network-fixture.js';

let fixture: NetworkFixture;
let admin: pg.Client;

beforeAll(async () => {
  fixture = await NetworkFixture.start();
  await fixture.pool('public', '203.0.113.0/24');
  await fixture.gatewayHost('gateway');
  admin = await fixture.client(fixture.api.database.adminUrl);
});
afterAll(() => fixture.close());

const asWorker = <T>(work: (intents: VpcIntentQuery, realization: VpcRealization, tx: Tx) => Promise<T>) =>
  fixture.worker
    .get(SystemUnitOfWork)
    .run((tx) => work(fixture.worker.get(VpcIntentQuery), fixture.worker.get(VpcRealization), tx));

const intentOf = (vpcId: string) => asWorker((intents, _realization, tx) => intents.read(tx, vpcId));
const reach = (vpcId: string, generation: number) =>
  asWorker((_intents, realization, tx) => realization.realized(tx, vpcId, generation));
const read = async (network: WholeNetwork, path: string) => (await network.call('GET', path)).body;
const remove = async (network: WholeNetwork, path: string) => succeeded(await network.call('DELETE', path));

async function countIn(table: string, column: string, value: string): Promise<number> {
  const { rows } = await admin.query(`SELECT count(*)::int AS n FROM ${table} WHERE ${column} = $1`, [value]);
  return rows[0].n;
}

describe('the intent of a VPC', () => {
  it('is everything alive in it, with the routes of every table', async () => {
    const network = await fixture.wholeNetwork();
    const intent = (await intentOf(network.vpcId)) as VpcIntent;
    const { elasticIpId, natGatewayId, publicSubnetId } = network;
    const { address } = await read(network, `/v1/elastic-ips/${elasticIpId}`);
    expect(intent).toMatchObject({
      tenantId: network.tenantId,
      vpcId: network.vpcId,
      deleting: false,
      cidrBlocks: [{ cidr: '10.0.0.0/16' }, { cidr: expect.any(String) }, { cidr: expect.any(String) }],
      internetGateway: { id: network.internetGatewayId },
      vpnGateway: { id: network.vpnGatewayId },
      natGateways: [
        { id: natGatewayId, subnetId: publicSubnetId, privateAddress: '10.0.0.4', publicAddress: address, elasticIpId },
      ],
      vpnConnections: [{ id: network.vpnConnectionId, remotePrefixes: ['172.16.0.0/16'] }],
    });
    expect(Object.fromEntries(intent.subnets.map(({ id, routeTableId }) => [id, routeTableId]))).toEqual({
      [publicSubnetId]: network.mainRouteTableId,
      [network.privateSubnetId]: network.routeTableId,
    });
    const own = intent.routeTables.find(({ id }) => id === network.routeTableId);
    expect(
      own?.routes.map(({ destination, origin, target, state }) => [destination, origin, target.id, state]),
    ).toEqual([
      ['0.0.0.0/0', 'static', natGatewayId, 'active'],
      ['10.0.0.0/16', 'local', null, 'active'],
      ['10.1.0.0/16', 'local', null, 'active'],
      ['172.16.0.0/16', 'vpn-static', network.vpnGatewayId, 'active'],
      ['192.168.0.0/16', 'static', network.vpnGatewayId, 'active'],
      ['::/0', 'static', network.internetGatewayId, 'active'],
      ['fd00:1::/56', 'local', null, 'active'],
    ]);
  });

  it('is null for what is not there', async () => {
    expect(await intentOf('vpc-00000000000000000')).toBeNull();
  });

  it('is one snapshot: changes that commit while it is read are seen whole or not at all', async () => {
    const network = await fixture.wholeNetwork();
    const { call, vpcId, routeTableId } = network;
    await fixture.allow(network.tenantId, 'routes-per-table', 5000);
    let writing = true;
    const writer = (async () => {
      // Each change raises the generation by one and changes the number of routes by one, so the two must always agree.
      for (let n = 0; n < 60; n += 1) {
        const body = { destinationCidrBlock: `100.100.${n}.0/24`, vpnGatewayId: network.vpnGatewayId };
        succeeded(await call('POST', `/v1/route-tables/${routeTableId}/routes`, body));
      }
      writing = false;
    })();
    const first = (await intentOf(vpcId)) as VpcIntent;
    const size = (intent: VpcIntent) => intent.routeTables.flatMap((table) => table.routes).length;
    let reads = 0;
    while (writing) {
      const now = (await intentOf(vpcId)) as VpcIntent;
      expect(size(now) - size(first)).toBe(now.generation - first.generation);
      reads += 1;
    }
    await writer;
    expect(reads).toBeGreaterThan(10);
  });
});

describe('the realisation of a VPC', () => {
  it('moves forward and never back, and clears a failure', async () => {
    const network = await fixture.wholeNetwork();
    const path = `/v1/vpcs/${network.vpcId}`;
    const { generation } = await read(network, path);
    expect(await reach(network.vpcId, generation - 1)).toBe(true);
    expect(await read(network, path)).toMatchObject({ realizedGeneration: generation - 1 });
    await asWorker((_intents, realization, tx) => realization.failed(tx, network.vpcId, generation, 'no chassis'));
    expect(await read(network, `/v1/subnets/${network.publicSubnetId}`)).toMatchObject({ state: 'available' });
    expect(await read(network, `/v1/route-tables/${network.routeTableId}`)).toMatchObject({
      state: 'failed',
      failure: 'no chassis',
    });
    expect(await reach(network.vpcId, generation)).toBe(true);
    expect(await read(network, `/v1/route-tables/${network.routeTableId}`)).toMatchObject({
      state: 'available',
      failure: null,
    });
    expect(await reach(network.vpcId, generation - 1)).toBe(false);
    expect(await reach(network.vpcId, generation)).toBe(false);
    expect(await reach(network.vpcId, generation + 1)).toBe(false);
    await asWorker((_intents, realization, tx) => realization.failed(tx, network.vpcId, generation, 'late'));
    expect(await read(network, path)).toMatchObject({
      realizedGeneration: generation,
      state: 'available',
      failure: null,
    });
    expect(await asWorker((intents, _realization, tx) => intents.unrealized(tx, { limit: 1000 }))).not.toContain(
      network.vpcId,
    );
  });

  it('lists the VPCs that are behind, page by page', async () => {
    const behind = [await fixture.wholeNetwork(), await fixture.wholeNetwork()].map(({ vpcId }) => vpcId).sort();
    const found: string[] = [];
    for (let after: string | undefined; ; after = found.at(-1)) {
      const page = await asWorker((intents, _realization, tx) => intents.unrealized(tx, { limit: 1, after }));
      if (page.length === 0) break;
      found.push(...page);
    }
    expect(found).toEqual([...found].sort());
    expect(found).toEqual(expect.arrayContaining(behind));
  });

  it('keeps addresses and blocks of what is deleted until that is realised, and not a moment less', async () => {
    const network = await fixture.wholeNetwork();
    const { call, vpcId, natGatewayId, elasticIpId, publicSubnetId } = network;
    await fixture.realize(vpcId);
    await remove(network, `/v1/nat-gateways/${natGatewayId}`);
    const { generation } = await read(network, `/v1/vpcs/${vpcId}`);
    const { address } = await remove(network, `/v1/elastic-ips/${elasticIpId}`);
    await remove(network, `/v1/subnets/${publicSubnetId}`);

    const again = { vpcId, cidrBlock: '10.0.0.0/24', zone: 'zone-1' };
    expect((await call('POST', '/v1/subnets', again)).body).toMatchObject({ code: 'SubnetOverlap' });
    expect(await read(network, `/v1/nat-gateways/${natGatewayId}`)).toMatchObject({ state: 'deleting' });
    expect(await read(network, `/v1/elastic-ips/${elasticIpId}`)).toMatchObject({ state: 'deleting', address });
    const another = succeeded(await call('POST', '/v1/elastic-ips', {}));
    expect(another.address).not.toBe(address);

    // Realised up to the gateway's own deletion, and no further: the subnet, which came later, stays.
    await reach(vpcId, generation);
    expect((await call('GET', `/v1/nat-gateways/${natGatewayId}`)).status).toBe(404);
    expect((await call('GET', `/v1/elastic-ips/${elasticIpId}`)).status).toBe(404);
    expect(await countIn('subnet_address', 'subnet_id', publicSubnetId)).toBe(0);
    expect(await read(network, `/v1/subnets/${publicSubnetId}`)).toMatchObject({ state: 'deleting' });
    expect((await call('POST', '/v1/subnets', again)).body).toMatchObject({ code: 'SubnetOverlap' });

    await fixture.realize(vpcId);
    expect((await call('GET', `/v1/subnets/${publicSubnetId}`)).status).toBe(404);
    expect((await call('POST', '/v1/subnets', again)).status).toBe(201);
    expect(succeeded(await call('POST', '/v1/elastic-ips', {})).address).toBe(address);
  });

  it('leaves the route to a purged gateway as a blackhole that names it', async () => {
    const network = await fixture.wholeNetwork();
    await remove(network, `/v1/nat-gateways/${network.natGatewayId}`);
    await fixture.realize(network.vpcId);
    const { routes } = await read(network, `/v1/route-tables/${network.routeTableId}`);
    expect(routes[0]).toEqual({
      destinationCidrBlock: '0.0.0.0/0',
      origin: 'static',
      target: { kind: 'nat-gateway', id: network.natGatewayId },
      state: 'blackhole',
    });
  });

  it('frees a detached gateway for another VPC, and removes one that was deleted while it was detached', async () => {
    const network = await fixture.wholeNetwork();
    const { call, vpcId, internetGatewayId, natGatewayId } = network;
    await remove(network, `/v1/nat-gateways/${natGatewayId}`);
    const path = `/v1/internet-gateways/${internetGatewayId}`;
    succeeded(await call('POST', `${path}/detach`, { vpcId }));
    expect(await read(network, path)).toMatchObject({ attachment: 'detaching', vpcId, state: 'pending' });
    const other = succeeded(await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }));
    const early = await call('POST', `${path}/attach`, { vpcId: other.id });
    expect(early.body).toMatchObject({ status: 409, code: 'GatewayDetaching' });
    await fixture.realize(vpcId);
    expect(await read(network, path)).toMatchObject({ attachment: 'detached', vpcId: null, state: 'available' });
    succeeded(await call('POST', `${path}/attach`, { vpcId: other.id }));
    succeeded(await call('POST', `${path}/detach`, { vpcId: other.id }));
    await remove(network, path);
    expect(await read(network, path)).toMatchObject({ state: 'deleting' });
    await fixture.realize(other.id);
    expect((await call('GET', path)).status).toBe(404);
  });

  it('removes a deleted VPC with all that is its own, and the tags of all that went', async () => {
    const network = await fixture.wholeNetwork();
    const { call, vpcId, tenantId } = network;
    const tagged = await call('PATCH', `/v1/vpcs/${vpcId}`, { tags: { env: 'test' } });
    succeeded(tagged);
    await remove(network, `/v1/route-tables/${network.routeTableId}/propagations/${network.vpnGatewayId}`);
    // The refusals name what is in the way, in an order that works, until nothing is.
    for (let refusals = 0; ; refusals += 1) {
      const reply = await call('DELETE', `/v1/vpcs/${vpcId}`);
      if (reply.status === 200) break;
      expect(reply.body).toMatchObject({ code: 'DependencyViolation' });
      expect(refusals).toBeLessThan(3);
      for (const { fix } of reply.body.blockers as { fix: string }[]) await follow(network, fix);
    }
    expect(await intentOf(vpcId)).toMatchObject({ deleting: true });
    expect(await read(network, `/v1/route-tables/${network.mainRouteTableId}`)).toMatchObject({ state: 'deleting' });
    await fixture.realize(vpcId);
    expect((await call('GET', `/v1/vpcs/${vpcId}`)).status).toBe(404);
    expect(await intentOf(vpcId)).toBeNull();
    for (const table of ['subnet', 'route_table', 'route', 'vpc_cidr_block', 'nat_gateway', 'vpn_connection']) {
      expect([table, await countIn(table, 'vpc_id', vpcId)]).toEqual([table, 0]);
    }
    expect(await countIn('resource_tag', 'tenant_id', tenantId)).toBe(0);
    const gateway = `/v1/internet-gateways/${network.internetGatewayId}`;
    expect(await read(network, gateway)).toMatchObject({ vpcId: null, attachment: 'detached' });
  });
});

/** Does what a blocker's fix says: `DELETE /path`, or `POST /path {json}`; what is refused in turn is followed first. */
async function follow(network: WholeNetwork, fix: string): Promise<void> {
  const match = /^(DELETE|POST) (\S+)(?: (\{.*\}))?$/.exec(fix);
  if (!match?.[1] || !match[2]) throw new Error(`not a request: ${fix}`);
  const body = match[3] === undefined ? undefined : JSON.parse(match[3]);
  const reply = await network.call(match[1], match[2], body);
  if (reply.body.code !== 'DependencyViolation') {
    succeeded(reply);
    return;
  }
  for (const blocker of reply.body.blockers as { fix: string }[]) await follow(network, blocker.fix);
  succeeded(await network.call(match[1], match[2], body));
}
