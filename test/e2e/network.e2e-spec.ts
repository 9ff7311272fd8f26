import { NetworkFixture, succeeded } from '../../libs/network/src/testing/network-fixture.js';

let fixture: NetworkFixture;

beforeAll(async () => {
  fixture = await NetworkFixture.start();
  await fixture.pool('public', '203.0.113.0/24');
});
afterAll(() => fixture.close());

const routeTo = (destinationCidrBlock: string, target: object) => ({ destinationCidrBlock, ...target });

describe('the life of a network', () => {
  it('is built, routed, changed and taken down, each step recorded and each refusal saying what to do', async () => {
    const { id: tenantId, call } = await fixture.api.tenant();
    const { vpcId, mainRouteTableId, internetGatewayId, subnetId } = await fixture.office(call);
    const get = async (path: string) => (await call('GET', path)).body;
    const privateSubnet = succeeded(
      await call('POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.1.0/24', zone: 'zone-2' }),
    );
    const elasticIp = succeeded(await call('POST', '/v1/elastic-ips', { name: 'way out' }));
    const nat = succeeded(await call('POST', '/v1/nat-gateways', { subnetId, elasticIpId: elasticIp.id }));
    expect(nat).toMatchObject({ privateAddress: '10.0.0.4', publicAddress: elasticIp.address, state: 'pending' });

    // The subnet's own way out comes after its NAT gateway, as provisioning tools do it.
    const main = `/v1/route-tables/${mainRouteTableId}`;
    succeeded(await call('POST', `${main}/routes`, routeTo('0.0.0.0/0', { internetGatewayId })));
    const table = succeeded(
      await call('POST', '/v1/route-tables', { vpcId, name: 'private', tags: { tier: 'private' } }),
    );
    const own = `/v1/route-tables/${table.id}`;
    succeeded(await call('POST', `${own}/routes`, routeTo('0.0.0.0/0', { natGatewayId: nat.id })));
    const association = succeeded(await call('POST', `${own}/associations`, { subnetId: privateSubnet.id }));

    expect((await get(own)).state).toBe('pending');
    await fixture.realize(vpcId);
    for (const path of [own, main, `/v1/nat-gateways/${nat.id}`, `/v1/internet-gateways/${internetGatewayId}`]) {
      expect([path, (await get(path)).state]).toEqual([path, 'available']);
    }
    expect((await get(`/v1/route-table-associations/${association.id}`)).state).toBe('available');
    expect((await get(`/v1/elastic-ips/${elasticIp.id}`)).association).toEqual({ natGatewayId: nat.id, vpcId });

    // Which way does a packet take, and why?
    const inside = await get(`${own}/effective-routes?address=10.0.0.9`);
    expect(inside.choice).toMatchObject({
      outcome: 'forward',
      route: { origin: 'local', destinationCidrBlock: '10.0.0.0/16' },
      considered: [{ origin: 'local' }, { origin: 'static', destinationCidrBlock: '0.0.0.0/0' }],
    });
    const outside = await get(`${own}/effective-routes?address=198.51.100.1`);
    expect(outside.choice).toMatchObject({
      outcome: 'forward',
      route: { target: { kind: 'nat-gateway', id: nat.id } },
    });
    expect((await get(`${own}/effective-routes?address=2001:db8::1`)).choice).toMatchObject({
      outcome: 'unreachable',
      route: null,
      considered: [],
    });

    // A second block, local in all tables; then a subnet in it keeps it.
    const widened = succeeded(await call('POST', `/v1/vpcs/${vpcId}/cidr-blocks`, { cidrBlock: '10.1.0.0/16' }));
    const second = widened.cidrBlocks.find((block: { cidrBlock: string }) => block.cidrBlock === '10.1.0.0/16');
    expect((await get(own)).routes).toContainEqual({
      destinationCidrBlock: '10.1.0.0/16',
      origin: 'local',
      target: { kind: 'local', id: null },
      state: 'active',
    });
    const inSecond = succeeded(await call('POST', '/v1/subnets', { vpcId, cidrBlock: '10.1.0.0/24', zone: 'zone-1' }));
    const blockPath = `/v1/vpcs/${vpcId}/cidr-blocks/${second.id}`;
    expect((await call('DELETE', blockPath)).body.blockers).toEqual([
      { id: inSecond.id, kind: 'subnet', fix: `DELETE /v1/subnets/${inSecond.id}` },
    ]);
    succeeded(await call('DELETE', `/v1/subnets/${inSecond.id}`));
    const narrowed = succeeded(await call('DELETE', blockPath));
    expect(narrowed.cidrBlocks).toContainEqual(expect.objectContaining({ id: second.id, state: 'deleting' }));
    expect((await get(own)).routes).toHaveLength(2);

    // Another main table: the unassociated subnet moves with it.
    const swapped = succeeded(await call('PUT', `/v1/vpcs/${vpcId}/main-route-table`, { routeTableId: table.id }));
    expect(swapped.mainRouteTableId).toBe(table.id);
    expect((await get(main)).main).toBe(false);
    succeeded(await call('PUT', `/v1/vpcs/${vpcId}/main-route-table`, { routeTableId: mainRouteTableId }));

    // The refusal lists everything in an order that works.
    const refused = await call('DELETE', `/v1/vpcs/${vpcId}`);
    expect(refused.body).toMatchObject({ status: 409, code: 'DependencyViolation' });
    expect(refused.body.blockers.map(({ kind }: { kind: string }) => kind)).toEqual([
      'nat-gateway',
      'subnet',
      'subnet',
      'route-table',
      'internet-gateway',
    ]);
    expect((await call('POST', `/v1/internet-gateways/${internetGatewayId}/detach`, { vpcId })).body.blockers).toEqual([
      { id: nat.id, kind: 'nat-gateway', fix: `DELETE /v1/nat-gateways/${nat.id}` },
    ]);
    expect((await call('DELETE', `/v1/subnets/${subnetId}`)).body.blockers).toEqual([
      { id: nat.id, kind: 'nat-gateway', fix: `DELETE /v1/nat-gateways/${nat.id}` },
    ]);
    expect((await call('DELETE', own)).body.blockers).toEqual([
      {
        id: association.id,
        kind: 'route-table-association',
        fix: `DELETE /v1/route-table-associations/${association.id}`,
      },
    ]);
    for (const { fix } of refused.body.blockers as { fix: string }[]) {
      const [method, path, ...body] = fix.split(' ');
      succeeded(await call(method!, path!, body.length > 0 ? JSON.parse(body.join(' ')) : undefined));
    }
    expect((await get(main)).routes).toContainEqual(expect.objectContaining({ state: 'blackhole' }));
    const drop = await get(`${main}/effective-routes?address=198.51.100.1`);
    expect(drop.choice).toMatchObject({ outcome: 'drop', route: { state: 'blackhole' } });

    // Its addresses, and with them the tenant, go last.
    succeeded(await call('DELETE', `/v1/vpcs/${vpcId}`));
    expect((await call('POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.9.0/24', zone: 'zone-1' })).body.code).toBe(
      'VpcDeleting',
    );
    const left = (await fixture.api.operator('DELETE', `/v1/system/tenants/${tenantId}`)).body.blockers;
    expect(left.map(({ kind }: { kind: string }) => kind)).toEqual(['internet-gateway', 'elastic-ip']);
    succeeded(await call('DELETE', `/v1/internet-gateways/${internetGatewayId}`));
    succeeded(await call('DELETE', `/v1/elastic-ips/${elasticIp.id}`));
    await fixture.realize(vpcId);
    for (const list of ['vpcs', 'subnets', 'route-tables', 'internet-gateways', 'nat-gateways', 'elastic-ips']) {
      expect([list, (await get(`/v1/${list}`)).items]).toEqual([list, []]);
    }
    succeeded(await fixture.api.operator('DELETE', `/v1/system/tenants/${tenantId}`));
  });
});
