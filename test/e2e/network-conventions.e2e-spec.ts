import type pg from 'pg';
import { NetworkFixture, succeeded } from '../../libs/network/src/testing/network-fixture.js';

let fixture: NetworkFixture;
let admin: pg.Client;

beforeAll(async () => {
  fixture = await NetworkFixture.start();
  await fixture.pool('public', '203.0.113.0/24');
  admin = await fixture.client(fixture.api.database.adminUrl);
});
afterAll(() => fixture.close());

const routeTo = (destinationCidrBlock: string, target: object) => ({ destinationCidrBlock, ...target });

async function ledgerEntries(tenantId: string): Promise<number> {
  const { rows } = await admin.query('SELECT count(*)::int AS n FROM ledger_entry WHERE tenant_id = $1', [tenantId]);
  return rows[0].n;
}

describe('the conventions hold for each of them', () => {
  it('the same change sent twice with one key happens once; a dry run writes nothing', async () => {
    const { id: tenantId, call } = await fixture.api.tenant();
    const { vpcId, mainRouteTableId, internetGatewayId } = await fixture.office(call);
    const changes: [method: string, path: string, body?: object][] = [
      ['POST', '/v1/elastic-ips', {}],
      ['POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.1.0/24', zone: 'zone-1' }],
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

  it('a dry run is refused for the same reasons as the change', async () => {
    const { call } = await fixture.api.tenant();
    const { vpcId, mainRouteTableId, internetGatewayId } = await fixture.office(call);
    const changes: [method: string, path: string, body: object | undefined, code: string][] = [
      ['POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.0.0/25', zone: 'zone-1' }, 'SubnetOverlap'],
      ['POST', `/v1/vpcs/${vpcId}/cidr-blocks`, { cidrBlock: '10.0.0.0/16' }, 'CidrBlockOverlap'],
      ['POST', '/v1/internet-gateways', { vpcId }, 'VpcHasInternetGateway'],
      ['DELETE', `/v1/route-tables/${mainRouteTableId}`, undefined, 'DependencyViolation'],
      ['DELETE', `/v1/internet-gateways/${internetGatewayId}`, undefined, 'DependencyViolation'],
      ['DELETE', `/v1/vpcs/${vpcId}`, undefined, 'DependencyViolation'],
    ];
    for (const [method, path, body, code] of changes) {
      const reply = await call(method, `${path}?dryRun=true`, body);
      expect([path, reply.status, reply.body.code]).toEqual([path, 409, code]);
    }
  });

  it('a stale version is refused, the current one is not, and each change raises it', async () => {
    const { call } = await fixture.api.tenant();
    const { mainRouteTableId, internetGatewayId, vpcId } = await fixture.office(call);
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
    const { vpcId, subnetId } = await fixture.office(call);
    const other = await fixture.office(call);
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
