import { NetworkFixture, type Office, succeeded } from '../../libs/network/src/testing/network-fixture.js';
import type { Caller, TestReply } from '../support/test-api.js';

let fixture: NetworkFixture;

beforeAll(async () => {
  fixture = await NetworkFixture.start();
  await fixture.pool('public', '203.0.113.0/24');
});
afterAll(() => fixture.close());

const routeTo = (destinationCidrBlock: string, target: object) => ({ destinationCidrBlock, ...target });

describe('what is refused names the field, the rule and the fix', () => {
  let call: Caller;
  let ids: Office;
  let elsewhere: Office;
  let natGatewayId: string;

  beforeAll(async () => {
    ({ call } = await fixture.api.tenant());
    ids = await fixture.office(call);
    elsewhere = await fixture.office(call);
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
    const { vpcId, mainRouteTableId, internetGatewayId } = await fixture.office(other);
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
