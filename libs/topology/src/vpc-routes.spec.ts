import fc from 'fast-check';
import { intentOf, routesOfTable } from './vpc-routes.js';
import type { VpcSnapshot } from './vpc-snapshot.js';

const empty: VpcSnapshot = {
  tenantId: 'tnt-1',
  vpcId: 'vpc-1',
  name: null,
  generation: 7,
  deleting: false,
  cidrBlocks: [{ id: 'a', cidr: '10.0.0.0/16' }],
  subnets: [],
  routeTables: [{ id: 'rtb-main', main: true }],
  associations: [],
  propagations: [],
  routes: [],
  internetGateway: null,
  natGateways: [],
  vpnGateway: null,
  vpnConnections: [],
};
const subnet = (id: string) => ({ id, name: null, zone: 'z', cidr: '10.0.1.0/24', ipv6Cidr: null });
const nat = (id: string) => ({
  id,
  subnetId: 'subnet-1',
  privateAddress: '10.0.1.4',
  publicAddress: '203.0.113.1',
  elasticIpId: 'e',
});
const connection = (id: string, remotePrefixes: string[]) => ({
  id,
  customerGatewayId: 'cgw-1',
  remotePrefixes,
  tunnelBlock: '169.254.6.0/30',
  insideAddress: '169.254.6.1',
  customerInsideAddress: '169.254.6.2',
});
const local = (destination: string) => ({
  destination,
  origin: 'local',
  target: { kind: 'local', id: null },
  state: 'active',
});

describe('the intent of a VPC', () => {
  it('routes a subnet by its own association, else by the main table', () => {
    const intent = intentOf({
      ...empty,
      subnets: [subnet('subnet-1'), subnet('subnet-2')],
      routeTables: [...empty.routeTables, { id: 'rtb-own', main: false }],
      associations: [{ subnetId: 'subnet-2', routeTableId: 'rtb-own' }],
    });
    expect(intent.subnets.map(({ id, routeTableId }) => [id, routeTableId])).toEqual([
      ['subnet-1', 'rtb-main'],
      ['subnet-2', 'rtb-own'],
    ]);
  });

  it('has the local routes of all blocks in every table', () => {
    const intent = intentOf({
      ...empty,
      cidrBlocks: [...empty.cidrBlocks, { id: 'b', cidr: 'fd00:1::/56' }],
      routeTables: [...empty.routeTables, { id: 'rtb-own', main: false }],
    });
    for (const table of intent.routeTables) {
      expect(table.routes).toEqual([local('10.0.0.0/16'), local('fd00:1::/56')]);
    }
  });

  it('keeps a static route whose target went as a blackhole, and revives it with the same gateway', () => {
    const routes = [
      { routeTableId: 'rtb-main', destination: '0.0.0.0/0', targetKind: 'nat-gateway' as const, targetId: 'nat-1' },
      {
        routeTableId: 'rtb-main',
        destination: '8.0.0.0/8',
        targetKind: 'internet-gateway' as const,
        targetId: 'igw-1',
      },
      { routeTableId: 'rtb-main', destination: '9.0.0.0/8', targetKind: 'vpn-gateway' as const, targetId: 'vgw-1' },
    ];
    const states = (snapshot: Partial<VpcSnapshot>) =>
      routesOfTable({ ...empty, routes, ...snapshot }, 'rtb-main')
        .filter(({ origin }) => origin === 'static')
        .map(({ target, state }) => `${target.id} ${state}`);
    expect(states({})).toEqual(['nat-1 blackhole', 'igw-1 blackhole', 'vgw-1 blackhole']);
    expect(
      states({ internetGateway: { id: 'igw-2' }, natGateways: [nat('nat-2')], vpnGateway: { id: 'vgw-2' } }),
    ).toEqual(['nat-1 blackhole', 'igw-1 blackhole', 'vgw-1 blackhole']);
    expect(
      states({ internetGateway: { id: 'igw-1' }, natGateways: [nat('nat-1')], vpnGateway: { id: 'vgw-1' } }),
    ).toEqual(['nat-1 active', 'igw-1 active', 'vgw-1 active']);
  });

  it('propagates each prefix behind the VPN gateway once, into the tables that take it', () => {
    const snapshot: VpcSnapshot = {
      ...empty,
      routeTables: [...empty.routeTables, { id: 'rtb-own', main: false }],
      propagations: [
        { routeTableId: 'rtb-own', vpnGatewayId: 'vgw-1' },
        { routeTableId: 'rtb-main', vpnGatewayId: 'vgw-gone' },
      ],
      vpnGateway: { id: 'vgw-1' },
      vpnConnections: [
        connection('vpn-1', ['172.16.0.0/16']),
        connection('vpn-2', ['172.16.0.0/16', '192.168.0.0/24']),
      ],
    };
    const [main, own] = intentOf(snapshot).routeTables;
    expect(main?.routes).toEqual([local('10.0.0.0/16')]);
    expect(own?.routes.map(({ destination, origin }) => `${destination} ${origin}`)).toEqual([
      '10.0.0.0/16 local',
      '172.16.0.0/16 vpn-static',
      '192.168.0.0/24 vpn-static',
    ]);
  });

  it('is the same whatever the order of its rows', () => {
    const octet = fc.nat(255);
    const route = fc.record({
      routeTableId: fc.constantFrom('rtb-main', 'rtb-own'),
      destination: fc.tuple(octet, octet).map(([a, b]) => `${20 + (a % 100)}.${b}.0.0/16`),
      targetKind: fc.constant('internet-gateway' as const),
      targetId: fc.constantFrom('igw-1', 'igw-2'),
    });
    const routes = fc.uniqueArray(route, { selector: (r) => `${r.routeTableId} ${r.destination}`, maxLength: 30 });
    const shuffled = routes.chain((rows) =>
      fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length, maxLength: rows.length })),
    );
    fc.assert(
      fc.property(shuffled, ([rows, again]) => {
        const base: VpcSnapshot = {
          ...empty,
          routeTables: [...empty.routeTables, { id: 'rtb-own', main: false }],
          internetGateway: { id: 'igw-1' },
        };
        const intent = intentOf({ ...base, routes: rows });
        expect(intentOf({ ...base, routes: again })).toEqual(intent);
        expect(intent.routeTables.flatMap((table) => table.routes)).toHaveLength(rows.length + 2);
      }),
    );
  });
});
