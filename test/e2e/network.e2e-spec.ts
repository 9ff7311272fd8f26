import type pg from 'pg';
import { NetworkFixture, succeeded } from '../../libs/network/src/testing/network-fixture.js';
import type { Caller, TestReply } from '../support/test-api.js';

let fixture: NetworkFixture;
let admin: pg.Client;

beforeAll(async () => {
  fixture = await NetworkFixture.start();
  await fixture.pool('public', '203.0.113.0/24');
  admin = await fixture.client(fixture.api.database.adminUrl);
});
afterAll(() => fixture.close());

/** A VPC 10.0.0.0/16 with an internet gateway and a public subnet. */
async function office(call: Caller) {
  const vpc = succeeded(await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }));
  const vpcId: string = vpc.id;
  const gateway = succeeded(await call('POST', '/v1/internet-gateways', { vpcId }));
  const subnet = succeeded(await call('POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.0.0/24', zone: 'zone-1' }));
  return {
    vpcId,
    mainRouteTableId: vpc.mainRouteTableId as string,
    internetGatewayId: gateway.id as string,
    subnetId: subnet.id as string,
  };
}

const routeTo = (destinationCidrBlock: string, target: object) => ({ destinationCidrBlock, ...target });

async function ledgerEntries(tenantId: string): Promise<number> {
  const { rows } = await admin.query('SELECT count(*)::int AS n FROM ledger_entry WHERE tenant_id = $1', [tenantId]);
  return rows[0].n;
}

describe('the life of a network', () => {
  it('is built, routed, changed and taken down, each step recorded and each refusal saying what to do', async () => {
    const { id: tenantId, call } = await fixture.api.tenant();
    const { vpcId, mainRouteTableId, internetGatewayId, subnetId } = await office(call);
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

describe('what is refused names the field, the rule and the fix', () => {
  let call: Caller;
  let ids: Awaited<ReturnType<typeof office>>;
  let elsewhere: Awaited<ReturnType<typeof office>>;
  let natGatewayId: string;

  beforeAll(async () => {
    ({ call } = await fixture.api.tenant());
    ids = await office(call);
    elsewhere = await office(call);
    const elasticIp = succeeded(await call('POST', '/v1/elastic-ips', {}));
    const nat = await call('POST', '/v1/nat-gateways', { subnetId: elsewhere.subnetId, elasticIpId: elasticIp.id });
    natGatewayId = succeeded(nat).id;
    const routes = `/v1/route-tables/${ids.mainRouteTableId}/routes`;
    const { internetGatewayId } = ids;
    succeeded(await call('POST', routes, routeTo('10.7.0.0/16', { internetGatewayId })));
  });

  type Case = [name: string, status: number, code: string, rule: string | null, send: () => Promise<TestReply>];
  const block = (cidrBlock: string) => () => call('POST', `/v1/vpcs/${ids.vpcId}/cidr-blocks`, { cidrBlock });
  const route = (destination: string, target: () => object) => () =>
    call('POST', `/v1/route-tables/${ids.mainRouteTableId}/routes`, routeTo(destination, target()));
  const pool = (cidrBlock: string, purpose: string) => () =>
    fixture.api.operator('POST', '/v1/system/address-pools', { name: cidrBlock, cidrBlock, purpose });

  it.each<Case>([
    ['an overlapping block', 409, 'CidrBlockOverlap', 'vpc.block-overlap', block('10.0.0.0/17')],
    ['a block around a route', 400, 'InvalidInput', 'vpc.block-covers-route', block('10.7.0.0/16')],
    ['a public block', 400, 'InvalidInput', 'vpc.block-range', block('8.8.0.0/16')],
    ['a large block', 400, 'InvalidInput', 'vpc.block-size', block('172.16.0.0/12')],
    ['no target', 400, 'InvalidInput', 'route.one-target', route('0.0.0.0/0', () => ({}))],
    [
      'two targets',
      400,
      'InvalidInput',
      'route.one-target',
      route('0.0.0.0/0', () => ({ internetGatewayId: ids.internetGatewayId, natGatewayId })),
    ],
    [
      'a target of another VPC',
      400,
      'InvalidInput',
      'route.target-in-vpc',
      route('0.0.0.0/0', () => ({ natGatewayId })),
    ],
    [
      'a gateway of another VPC',
      400,
      'InvalidInput',
      'route.target-in-vpc',
      route('0.0.0.0/0', () => ({ internetGatewayId: elsewhere.internetGatewayId })),
    ],
    [
      'a destination inside the VPC',
      400,
      'InvalidInput',
      'route.inside-vpc',
      route('10.0.5.0/24', () => ({ internetGatewayId: ids.internetGatewayId })),
    ],
    [
      'the local destination',
      409,
      'LocalRoute',
      'route.local-stays',
      route('10.0.0.0/16', () => ({ internetGatewayId: ids.internetGatewayId })),
    ],
    [
      'a destination twice',
      409,
      'RouteExists',
      'route.destination-unique',
      route('10.7.0.0/16', () => ({ internetGatewayId: ids.internetGatewayId })),
    ],
    [
      'the deletion of a local route',
      409,
      'LocalRoute',
      'route.local-stays',
      () => call('DELETE', `/v1/route-tables/${ids.mainRouteTableId}/routes?destinationCidrBlock=10.0.0.0%2F16`),
    ],
    [
      'the deletion of no route',
      404,
      'NotFound',
      null,
      () => call('DELETE', `/v1/route-tables/${ids.mainRouteTableId}/routes?destinationCidrBlock=10.9.0.0%2F16`),
    ],
    [
      'the replacement of no route',
      404,
      'NotFound',
      null,
      () =>
        call(
          'PUT',
          `/v1/route-tables/${ids.mainRouteTableId}/routes`,
          routeTo('10.9.0.0/16', { internetGatewayId: ids.internetGatewayId }),
        ),
    ],
    [
      'the subnet of another VPC',
      400,
      'InvalidInput',
      'association.same-vpc',
      () => call('POST', `/v1/route-tables/${ids.mainRouteTableId}/associations`, { subnetId: elsewhere.subnetId }),
    ],
    [
      'the main table of another VPC',
      400,
      'InvalidInput',
      'route-table.same-vpc',
      () => call('PUT', `/v1/vpcs/${ids.vpcId}/main-route-table`, { routeTableId: elsewhere.mainRouteTableId }),
    ],
    [
      'the main table that it is',
      409,
      'AlreadyInState',
      null,
      () => call('PUT', `/v1/vpcs/${ids.vpcId}/main-route-table`, { routeTableId: ids.mainRouteTableId }),
    ],
    [
      'the deletion of the main table',
      409,
      'DependencyViolation',
      null,
      () => call('DELETE', `/v1/route-tables/${ids.mainRouteTableId}`),
    ],
    [
      'a second internet gateway',
      409,
      'VpcHasInternetGateway',
      'internet-gateway.one-a-vpc',
      () => call('POST', '/v1/internet-gateways', { vpcId: ids.vpcId }),
    ],
    [
      'an internet gateway that is attached',
      409,
      'GatewayAttached',
      null,
      () => call('POST', `/v1/internet-gateways/${ids.internetGatewayId}/attach`, { vpcId: elsewhere.vpcId }),
    ],
    [
      'a detachment from another VPC',
      409,
      'GatewayNotAttached',
      'gateway.attached',
      () => call('POST', `/v1/internet-gateways/${ids.internetGatewayId}/detach`, { vpcId: elsewhere.vpcId }),
    ],
    ['a pool that overlaps another', 409, 'PoolOverlap', 'pool.no-overlap', pool('203.0.113.128/25', 'vpc')],
    ['an IPv6 pool of public addresses', 400, 'InvalidInput', 'pool.ipv4', pool('2001:db8::/48', 'public')],
    ['a pool of multicast addresses', 400, 'InvalidInput', 'pool.unroutable', pool('224.0.0.0/16', 'public')],
  ])('%s: %i %s %s', async (_name, status, code, rule, send) => {
    const reply = await send();
    expect(reply.body).toMatchObject({ status, code });
    if (rule === null) return;
    expect(reply.body.errors).toContainEqual({
      pointer: expect.stringMatching(/^(\/|$)/),
      rule,
      message: expect.any(String),
      fix: expect.any(String),
    });
  });

  it('a NAT gateway without an internet gateway', async () => {
    const vpc = succeeded(await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }));
    const subnet = succeeded(
      await call('POST', '/v1/subnets', { vpcId: vpc.id, cidrBlock: '10.0.0.0/24', zone: 'zone-1' }),
    );
    const elasticIp = succeeded(await call('POST', '/v1/elastic-ips', {}));
    const reply = await call('POST', '/v1/nat-gateways', { subnetId: subnet.id, elasticIpId: elasticIp.id });
    expect(reply.body).toMatchObject({
      status: 409,
      code: 'GatewayNotAttached',
      errors: [{ pointer: '/subnetId', fix: expect.stringContaining('POST /v1/internet-gateways') }],
    });
  });

  it('more than the quota, under the names of the quotas', async () => {
    const { id: tenantId, call: other } = await fixture.api.tenant();
    const { vpcId, mainRouteTableId, internetGatewayId } = await office(other);
    const quotas: [string, number, () => Promise<TestReply>][] = [
      ['cidr-blocks-per-vpc', 1, () => other('POST', `/v1/vpcs/${vpcId}/cidr-blocks`, { cidrBlock: '10.1.0.0/16' })],
      ['route-tables-per-vpc', 1, () => other('POST', '/v1/route-tables', { vpcId })],
      ['internet-gateways', 1, () => other('POST', '/v1/internet-gateways', {})],
      [
        'routes-per-table',
        0,
        () => other('POST', `/v1/route-tables/${mainRouteTableId}/routes`, routeTo('0.0.0.0/0', { internetGatewayId })),
      ],
      ['elastic-ips', 0, () => other('POST', '/v1/elastic-ips', {})],
    ];
    for (const [quota, allowed, send] of quotas) {
      await fixture.allow(tenantId, quota, allowed);
      expect((await send()).body).toMatchObject({ status: 409, code: 'QuotaExceeded', quota, limit: allowed });
      await fixture.allow(tenantId, quota, 100);
      succeeded(await send());
    }
  });
});

describe('the conventions hold for each of them', () => {
  it('the same change sent twice with one key happens once; a dry run writes nothing', async () => {
    const { id: tenantId, call } = await fixture.api.tenant();
    const { vpcId, mainRouteTableId, internetGatewayId } = await office(call);
    const changes: [method: string, path: string, body?: object][] = [
      ['POST', '/v1/elastic-ips', {}],
      ['POST', '/v1/route-tables', { vpcId }],
      ['POST', `/v1/vpcs/${vpcId}/cidr-blocks`, { cidrBlock: '10.1.0.0/16' }],
      ['POST', `/v1/route-tables/${mainRouteTableId}/routes`, routeTo('0.0.0.0/0', { internetGatewayId })],
      ['DELETE', `/v1/route-tables/${mainRouteTableId}/routes?destinationCidrBlock=0.0.0.0%2F0`],
      ['POST', `/v1/internet-gateways/${internetGatewayId}/detach`, { vpcId }],
      ['DELETE', `/v1/internet-gateways/${internetGatewayId}`],
    ];
    for (const [n, [method, path, body]] of changes.entries()) {
      const before = await ledgerEntries(tenantId);
      const tried = await call(method, `${path}${path.includes('?') ? '&' : '?'}dryRun=true`, body);
      expect([path, tried.status, tried.body.dryRun]).toEqual([path, 200, true]);
      expect(await ledgerEntries(tenantId)).toBe(before);
      const headers = { 'idempotency-key': `change ${n}`.replace(' ', '-') };
      const first = await call(method, path, body, headers);
      const again = await call(method, path, body, headers);
      expect([path, first.status]).toEqual([path, method === 'POST' && !path.endsWith('detach') ? 201 : 200]);
      expect(again.body).toEqual(first.body);
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect(await ledgerEntries(tenantId)).toBe(before + 1);
      expect(first.body).toMatchObject({ ledgerEntryId: expect.stringMatching(/^led-/), promise: expect.any(String) });
    }
  });

  it('a stale version is refused, the current one is not, and each change raises it', async () => {
    const { call } = await fixture.api.tenant();
    const { mainRouteTableId, internetGatewayId, vpcId } = await office(call);
    const table = `/v1/route-tables/${mainRouteTableId}`;
    const etag = async (path: string) => (await call('GET', path)).headers.get('etag')!;
    const first = await etag(table);
    const body = routeTo('0.0.0.0/0', { internetGatewayId });
    succeeded(await call('POST', `${table}/routes`, body, { 'if-match': first }));
    const stale = await call('PATCH', table, { name: 'late' }, { 'if-match': first });
    expect(stale.body).toMatchObject({ status: 412, code: 'VersionMismatch' });
    succeeded(await call('PATCH', table, { name: 'in time' }, { 'if-match': await etag(table) }));
    const vpc = await etag(`/v1/vpcs/${vpcId}`);
    succeeded(await call('POST', `/v1/vpcs/${vpcId}/cidr-blocks`, { cidrBlock: '10.1.0.0/16' }, { 'if-match': vpc }));
    expect((await call('DELETE', `/v1/vpcs/${vpcId}`, undefined, { 'if-match': vpc })).status).toBe(412);
    const gateway = `/v1/internet-gateways/${internetGatewayId}`;
    const attached = await etag(gateway);
    succeeded(await call('POST', `${gateway}/detach`, { vpcId }, { 'if-match': attached }));
    expect((await call('DELETE', gateway, undefined, { 'if-match': attached })).status).toBe(412);
  });

  it('lists are paged and filtered by field and by tag; names and tags change', async () => {
    const { call } = await fixture.api.tenant();
    const { vpcId, subnetId } = await office(call);
    const other = await office(call);
    const elasticIp = succeeded(await call('POST', '/v1/elastic-ips', { tags: { env: 'prod' } }));
    succeeded(await call('POST', '/v1/elastic-ips', { tags: { env: 'test' } }));
    const nat = succeeded(await call('POST', '/v1/nat-gateways', { subnetId, elasticIpId: elasticIp.id }));
    const ids = async (path: string) =>
      ((await call('GET', path)).body.items as { id: string }[]).map(({ id }) => id).sort();
    expect(await ids('/v1/elastic-ips?tag=env:prod')).toEqual([elasticIp.id]);
    expect(await ids(`/v1/elastic-ips?address=${elasticIp.address}`)).toEqual([elasticIp.id]);
    expect(await ids(`/v1/nat-gateways?vpcId=${vpcId}`)).toEqual([nat.id]);
    expect(await ids(`/v1/nat-gateways?subnetId=${other.subnetId}`)).toEqual([]);
    expect(await ids(`/v1/internet-gateways?vpcId=${other.vpcId}`)).toEqual([other.internetGatewayId]);
    const tables = [];
    for (let n = 0; n < 4; n += 1) tables.push(succeeded(await call('POST', '/v1/route-tables', { vpcId })).id);
    const paged: string[] = [];
    for (let cursor = ''; cursor !== 'end'; ) {
      const page = await call('GET', `/v1/route-tables?vpcId=${vpcId}&main=false&limit=3${cursor}`);
      paged.push(...page.body.items.map(({ id }: { id: string }) => id));
      cursor = page.body.nextCursor === null ? 'end' : `&cursor=${page.body.nextCursor}`;
    }
    expect(paged.sort()).toEqual(tables.sort());
    for (const path of [
      `/v1/nat-gateways/${nat.id}`,
      `/v1/elastic-ips/${elasticIp.id}`,
      `/v1/internet-gateways/${other.internetGatewayId}`,
      `/v1/route-tables/${tables[0]}`,
    ]) {
      succeeded(await call('PATCH', path, { name: 'renamed', tags: { owner: 'me' } }));
      expect((await call('GET', path)).body).toMatchObject({ name: 'renamed', tags: { owner: 'me' }, version: 2 });
      expect((await call('PATCH', path, { name: null })).body).toMatchObject({ name: null, tags: { owner: 'me' } });
    }
  });
});

describe('the operator’s pools', () => {
  it('let VPCs have blocks that are not private, and stay as long as anybody uses them', async () => {
    const { operator } = fixture.api;
    const range = { name: 'vpc range', cidrBlock: '192.0.2.0/24', purpose: 'vpc' };
    const { call, id: tenantId } = await fixture.api.tenant();
    const body = { cidrBlock: '192.0.2.0/25' };
    expect((await call('POST', '/v1/vpcs', body)).body.errors[0]).toMatchObject({ rule: 'vpc.block-range' });
    const pool = succeeded(await operator('POST', '/v1/system/address-pools', range));
    expect(pool).toMatchObject({ family: 'ipv4', cidrBlock: '192.0.2.0/24', purpose: 'vpc' });
    const vpc = succeeded(await call('POST', '/v1/vpcs', body));
    const added = { cidrBlock: '192.0.2.128/25' };
    succeeded(await call('POST', `/v1/vpcs/${vpc.id}/cidr-blocks`, added));
    const path = `/v1/system/address-pools/${pool.id}`;
    expect((await operator('DELETE', path)).body).toMatchObject({
      code: 'DependencyViolation',
      blockers: [{ id: tenantId, kind: 'tenant', fix: expect.stringContaining('2 block(s)') }],
    });
    succeeded(await call('DELETE', `/v1/vpcs/${vpc.id}`));
    await fixture.realize(vpc.id);
    succeeded(await operator('DELETE', path));
    expect((await operator('GET', path)).status).toBe(404);
  });

  it('give out the lowest free address, and none that the data plane still uses', async () => {
    const { operator } = fixture.api;
    const { call } = await fixture.api.tenant();
    const taken = [];
    for (let n = 0; n < 3; n += 1) taken.push(succeeded(await call('POST', '/v1/elastic-ips', {})));
    succeeded(await call('DELETE', `/v1/elastic-ips/${taken[1].id}`));
    expect(succeeded(await call('POST', '/v1/elastic-ips', {})).address).toBe(taken[1].address);
    const pools = (await operator('GET', '/v1/system/address-pools')).body.items as { id: string; purpose: string }[];
    const used = pools.find(({ purpose }) => purpose === 'public')!;
    expect((await operator('DELETE', `/v1/system/address-pools/${used.id}`)).body.code).toBe('DependencyViolation');
    expect((await call('GET', '/v1/system/address-pools')).status).toBe(403);
  });
});
