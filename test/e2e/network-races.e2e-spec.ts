import type pg from 'pg';
import { NetworkFixture, succeeded, type WholeNetwork } from '../../libs/network/src/testing/network-fixture.js';
import type { Caller, TestReply } from '../support/test-api.js';

const AT_ONCE = 40;

let fixture: NetworkFixture;
let admin: pg.Client;

beforeAll(async () => {
  fixture = await NetworkFixture.start();
  await fixture.pool('small', '203.0.113.0/27');
  await fixture.pool('large', '198.18.0.0/24');
  await fixture.gatewayHost('gateway');
  admin = await fixture.client(fixture.api.database.adminUrl);
});
afterAll(() => fixture.close());

const times = <T>(work: (n: number) => Promise<T>, count = AT_ONCE) =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));

/** How often each outcome came: the status of what succeeded, else the problem's code. */
function outcomes(replies: TestReply[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, body } of replies) {
    const outcome = status < 300 ? String(status) : body.code;
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

/** A tenant with an empty VPC, allowed whatever the test needs. */
async function emptyVpc(): Promise<{ tenantId: string; call: Caller; vpcId: string; mainRouteTableId: string }> {
  const { id: tenantId, call } = await fixture.api.tenant();
  for (const quota of ['vpcs', 'internet-gateways', 'elastic-ips', 'nat-gateways', 'cidr-blocks-per-vpc']) {
    await fixture.allow(tenantId, quota, 1000);
  }
  const vpc = succeeded(await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }));
  return { tenantId, call, vpcId: vpc.id, mainRouteTableId: vpc.mainRouteTableId };
}

describe(`of ${AT_ONCE} at once, one wins and each other is told why`, () => {
  it('the same subnet block', async () => {
    const { call, vpcId } = await emptyVpc();
    const body = { vpcId, cidrBlock: '10.0.1.0/24', zone: 'zone-1' };
    const replies = await times(() => call('POST', '/v1/subnets', body));
    expect(outcomes(replies)).toEqual({ '201': 1, SubnetOverlap: AT_ONCE - 1 });
    const refused = replies.find(({ status }) => status === 409);
    expect(refused?.body.errors[0].fix).toContain('use 10.0.0.0/24, which is free');
  });

  it('overlapping subnet blocks of all sizes leave no overlap', async () => {
    const { call, vpcId } = await emptyVpc();
    const blocks = (n: number) => [`10.0.${n % 8}.0/24`, `10.0.${(n % 4) * 2}.0/23`, `10.0.${n % 8}.128/25`][n % 3];
    const replies = await times((n) => call('POST', '/v1/subnets', { vpcId, cidrBlock: blocks(n), zone: 'zone-1' }));
    expect(Object.keys(outcomes(replies)).sort()).toEqual(['201', 'SubnetOverlap']);
    const { rows } = await admin.query(
      'SELECT count(*)::int AS n FROM subnet a JOIN subnet b ON a.vpc_id = b.vpc_id AND a.id < b.id AND a.cidr && b.cidr',
    );
    expect(rows).toEqual([{ n: 0 }]);
  });

  it('the same block of a VPC', async () => {
    const { call, vpcId } = await emptyVpc();
    const replies = await times(() => call('POST', `/v1/vpcs/${vpcId}/cidr-blocks`, { cidrBlock: '10.1.0.0/16' }));
    expect(outcomes(replies)).toEqual({ '201': 1, CidrBlockOverlap: AT_ONCE - 1 });
  });

  it('a block is removed while subnets are put into it: never both', async () => {
    const { call, vpcId } = await emptyVpc();
    for (let round = 1; round <= 8; round += 1) {
      const cidrBlock = `10.${round}.0.0/16`;
      const vpc = succeeded(await call('POST', `/v1/vpcs/${vpcId}/cidr-blocks`, { cidrBlock }));
      const block = vpc.cidrBlocks.find((one: { cidrBlock: string }) => one.cidrBlock === cidrBlock);
      const [removal, creation] = await Promise.all([
        call('DELETE', `/v1/vpcs/${vpcId}/cidr-blocks/${block.id}`),
        call('POST', '/v1/subnets', { vpcId, cidrBlock: `10.${round}.0.0/24`, zone: 'zone-1' }),
      ]);
      expect([200, 409]).toContain(removal.status);
      expect([201, 400]).toContain(creation.status);
      expect(removal.status === 200).toBe(creation.status === 400);
    }
  });

  it('the same destination in a route table', async () => {
    const { call, vpcId, mainRouteTableId } = await emptyVpc();
    const { id } = succeeded(await call('POST', '/v1/internet-gateways', { vpcId }));
    const body = { destinationCidrBlock: '0.0.0.0/0', internetGatewayId: id };
    const replies = await times(() => call('POST', `/v1/route-tables/${mainRouteTableId}/routes`, body));
    expect(outcomes(replies)).toEqual({ '201': 1, RouteExists: AT_ONCE - 1 });
  });

  it('the association of one subnet, with as many tables', async () => {
    const { call, vpcId } = await emptyVpc();
    const subnet = succeeded(await call('POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.1.0/24', zone: 'zone-1' }));
    const tables = await times(async () => succeeded(await call('POST', '/v1/route-tables', { vpcId })).id);
    const replies = await times((n) =>
      call('POST', `/v1/route-tables/${tables[n]}/associations`, { subnetId: subnet.id }),
    );
    expect(outcomes(replies)).toEqual({ '201': 1, SubnetAssociated: AT_ONCE - 1 });
  });

  it('the internet gateway of one VPC', async () => {
    const { call, vpcId } = await emptyVpc();
    const gateways = await times(async () => succeeded(await call('POST', '/v1/internet-gateways', {})).id);
    const replies = await times((n) => call('POST', `/v1/internet-gateways/${gateways[n]}/attach`, { vpcId }));
    expect(outcomes(replies)).toEqual({ '200': 1, VpcHasInternetGateway: AT_ONCE - 1 });
  });

  it('the VPC of one internet gateway', async () => {
    const { call } = await emptyVpc();
    const vpcs = await times(async () => succeeded(await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' })).id);
    const { id } = succeeded(await call('POST', '/v1/internet-gateways', {}));
    const replies = await times((n) => call('POST', `/v1/internet-gateways/${id}/attach`, { vpcId: vpcs[n] }));
    expect(outcomes(replies)).toEqual({ '200': 1, GatewayAttached: AT_ONCE - 1 });
  });

  it('the NAT gateway of one elastic IP', async () => {
    const { call, vpcId } = await emptyVpc();
    const subnet = succeeded(await call('POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.1.0/24', zone: 'zone-1' }));
    succeeded(await call('POST', '/v1/internet-gateways', { vpcId }));
    const elasticIp = succeeded(await call('POST', '/v1/elastic-ips', {}));
    const body = { subnetId: subnet.id, elasticIpId: elasticIp.id };
    const replies = await times(() => call('POST', '/v1/nat-gateways', body));
    expect(outcomes(replies)).toEqual({ '201': 1, ElasticIpInUse: AT_ONCE - 1 });
  });

  it('the last place of a quota', async () => {
    const { tenantId, call } = await emptyVpc();
    await fixture.allow(tenantId, 'elastic-ips', 3);
    const replies = await times(() => call('POST', '/v1/elastic-ips', {}));
    expect(outcomes(replies)).toEqual({ '201': 3, QuotaExceeded: AT_ONCE - 3 });
    await fixture.allow(tenantId, 'vpcs', 4);
    const vpcs = await times(() => call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }));
    expect(outcomes(vpcs)).toEqual({ '201': 3, QuotaExceeded: AT_ONCE - 3 });
  });
});

describe('at the same time', () => {
  it('tenants draw public addresses that all differ, until the pools are empty', async () => {
    const tenants = await Promise.all([emptyVpc(), emptyVpc(), emptyVpc(), emptyVpc()]);
    const replies = await times((n) => tenants[n % tenants.length]!.call('POST', '/v1/elastic-ips', {}), 320);
    const { 201: given, InsufficientAddressCapacity: refused, ...other } = outcomes(replies);
    expect(other).toEqual({});
    const { rows } = await admin.query(
      'SELECT count(*)::int AS n, count(DISTINCT address)::int AS different FROM elastic_ip',
    );
    // 30 usable addresses in the /27 and 254 in the /24; what other tests hold is among them.
    expect(rows).toEqual([{ n: 284, different: 284 }]);
    expect(given! + refused!).toBe(320);
    for (const [n, { status, body }] of replies.entries()) {
      if (status === 201) succeeded(await tenants[n % tenants.length]!.call('DELETE', `/v1/elastic-ips/${body.id}`));
    }
  });

  it('NAT gateways of one subnet get addresses that differ, until the subnet is full', async () => {
    const { call, vpcId } = await emptyVpc();
    const subnet = succeeded(await call('POST', '/v1/subnets', { vpcId, cidrBlock: '10.0.1.0/28', zone: 'zone-1' }));
    succeeded(await call('POST', '/v1/internet-gateways', { vpcId }));
    const elasticIps = await times(async () => succeeded(await call('POST', '/v1/elastic-ips', {})).id, 20);
    const replies = await times(
      (n) => call('POST', '/v1/nat-gateways', { subnetId: subnet.id, elasticIpId: elasticIps[n] }),
      20,
    );
    expect(outcomes(replies)).toEqual({ '201': 11, InsufficientFreeAddresses: 9 });
    const addresses = replies.filter(({ status }) => status === 201).map(({ body }) => body.privateAddress);
    expect(addresses.sort()).toEqual(Array.from({ length: 11 }, (_, n) => `10.0.1.${n + 4}`).sort());
  });

  it('an elastic IP is released while its gateway is being purged: it is never lost', async () => {
    for (let round = 0; round < 6; round += 1) {
      const network = await fixture.wholeNetwork();
      const { call, vpcId, natGatewayId, elasticIpId } = network;
      succeeded(await call('DELETE', `/v1/nat-gateways/${natGatewayId}`));
      const [released] = await Promise.all([call('DELETE', `/v1/elastic-ips/${elasticIpId}`), fixture.realize(vpcId)]);
      succeeded(released);
      expect((await call('GET', `/v1/elastic-ips/${elasticIpId}`)).status).toBe(404);
    }
  });

  it('VPCs are purged while they are read: they are there or they are not', async () => {
    const { call } = await emptyVpc();
    const paths = ['/v1/vpcs', '/v1/route-tables', '/v1/subnets', '/v1/nat-gateways', '/v1/internet-gateways'];
    const seen: TestReply[] = [];
    let purging = true;
    const readers = paths.map(async (path) => {
      while (purging) seen.push(await call('GET', path));
    });
    for (let round = 0; round < 12; round += 1) {
      const { vpcId, subnetId, internetGatewayId } = await fixture.office(call);
      succeeded(await call('DELETE', `/v1/subnets/${subnetId}`));
      succeeded(await call('POST', `/v1/internet-gateways/${internetGatewayId}/detach`, { vpcId }));
      succeeded(await call('DELETE', `/v1/internet-gateways/${internetGatewayId}`));
      succeeded(await call('DELETE', `/v1/vpcs/${vpcId}`));
      const one = Promise.all([call('GET', `/v1/vpcs/${vpcId}`), call('GET', `/v1/subnets/${subnetId}`)]);
      await fixture.realize(vpcId);
      seen.push(...(await one));
    }
    purging = false;
    await Promise.all(readers);
    expect(seen.filter(({ status }) => status !== 200 && status !== 404).map(({ body }) => body)).toEqual([]);
  });

  it('whatever many clients do to the gateways of a few VPCs, nothing fails of its own and nothing is left over', async () => {
    const networks: WholeNetwork[] = [];
    for (let n = 0; n < 3; n += 1) networks.push(await fixture.wholeNetwork());
    const replies: TestReply[] = [];
    const does = (network: WholeNetwork, step: number): Promise<TestReply | boolean> => {
      const { call, vpcId, internetGatewayId, natGatewayId, elasticIpId, publicSubnetId, routeTableId } = network;
      const routes = `/v1/route-tables/${routeTableId}/routes`;
      const destinationCidrBlock = `100.64.${step % 4}.0/24`;
      const all: (() => Promise<TestReply | boolean>)[] = [
        () => call('POST', `/v1/internet-gateways/${internetGatewayId}/detach`, { vpcId }),
        () => call('POST', `/v1/internet-gateways/${internetGatewayId}/attach`, { vpcId }),
        () => call('DELETE', `/v1/nat-gateways/${natGatewayId}`),
        () => call('POST', '/v1/nat-gateways', { subnetId: publicSubnetId, elasticIpId }),
        () => call('POST', routes, { destinationCidrBlock, internetGatewayId }),
        () => call('PUT', routes, { destinationCidrBlock, natGatewayId }),
        () => call('DELETE', `${routes}?destinationCidrBlock=${encodeURIComponent(destinationCidrBlock)}`),
        () => call('POST', '/v1/subnets', { vpcId, cidrBlock: `10.0.${10 + (step % 6)}.0/24`, zone: 'zone-1' }),
        () => call('PUT', `/v1/vpcs/${vpcId}/main-route-table`, { routeTableId }),
        () => fixture.realize(vpcId),
      ];
      return all[step % all.length]!();
    };
    // In a fixed order that mixes kinds and VPCs, eight at a time.
    const steps = Array.from({ length: 240 }, (_, n) => ({
      network: networks[(n * 7) % 3]!,
      step: (n * 37 + 11) % 120,
    }));
    const clients = Array.from({ length: 8 }, async () => {
      for (let next = steps.pop(); next; next = steps.pop()) {
        const reply = await does(next.network, next.step);
        if (typeof reply !== 'boolean') replies.push(reply);
      }
    });
    await Promise.all(clients);
    expect(replies.filter(({ status }) => status >= 500).map(({ body }) => body)).toEqual([]);
    expect(replies.filter(({ status }) => status < 300).length).toBeGreaterThan(20);
    const { rows: orphans } = await admin.query(
      `SELECT e.id FROM elastic_ip e WHERE e.deleting AND NOT EXISTS (SELECT 1 FROM nat_gateway n WHERE n.elastic_ip_id = e.id)
       UNION ALL SELECT g.id FROM internet_gateway g GROUP BY g.id, g.vpc_id HAVING count(*) FILTER (WHERE NOT g.detaching) > 1`,
    );
    expect(orphans).toEqual([]);
  });
});
