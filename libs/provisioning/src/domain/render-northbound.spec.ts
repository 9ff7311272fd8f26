import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { NbColumns, NbRow, NbTable } from '#ovn';
import type { VpcIntent } from '#topology';
import {
  acmeIntent,
  IGW,
  local,
  NAT,
  PRIVATE_TABLE,
  PUBLIC_TABLE,
  route,
  subnetId,
  VGW,
} from '../testing/acme-intent.js';
import { DEFAULT_CELL } from './cell.js';
import { renderNorthbound } from './render-northbound.js';

const render = (over: Partial<VpcIntent> = {}) => renderNorthbound(acmeIntent(over), DEFAULT_CELL);
function columnsOf<T extends NbTable>(rows: NbRow[], table: T): NbColumns[T][] {
  return rows.filter((row) => row.table === table).map((row) => row.columns as NbColumns[T]);
}
const nexthops = (rows: NbRow[], table: string) =>
  Object.fromEntries(
    columnsOf(rows, 'Logical_Router_Static_Route')
      .filter(({ route_table }) => route_table === table)
      .map(({ ip_prefix, nexthop }) => [ip_prefix, nexthop]),
  );
/** The acme VPC with other routes in its private table. */
const privateRoutes = (...routes: VpcIntent['routeTables'][number]['routes']) => {
  const [publicTable, privateTable] = acmeIntent().routeTables as [
    VpcIntent['routeTables'][number],
    VpcIntent['routeTables'][number],
  ];
  return render({ routeTables: [publicTable, { ...privateTable, routes: [local('10.0.0.0/16'), ...routes] }] });
};

describe('the rows of a VPC', () => {
  it('of a realistic company are the ones that were checked against OVN', () => {
    const golden = JSON.parse(readFileSync(new URL('../testing/acme-northbound.json', import.meta.url), 'utf8'));
    expect(render()).toEqual(golden);
  });

  it('do not depend on the order in which the intent lists things', () => {
    const intent = acmeIntent();
    const shuffled = <T>(items: T[]) => fc.shuffledSubarray(items, { minLength: items.length });
    fc.assert(
      fc.property(
        shuffled(intent.subnets),
        shuffled(intent.routeTables),
        shuffled(intent.routeTables[0]?.routes ?? []),
        (subnets, routeTables, routes) => {
          const tables = routeTables.map((table) => (table.id === PUBLIC_TABLE ? { ...table, routes } : table));
          expect(render({ subnets, routeTables: tables })).toEqual(render());
        },
      ),
      { numRuns: 30 },
    );
  });

  it('refer to each other whole: every child has one parent, no reference leads nowhere', () => {
    const rows = render();
    const roots = new Set(['Logical_Router', 'Logical_Switch', 'Address_Set']);
    const references = JSON.stringify(rows).match(/(?<="namedUuid":")[^"]+/g) ?? [];
    const names = rows.map((row) => row.uuidName);
    expect(new Set(names).size).toBe(names.length);
    expect(references.filter((name) => !names.includes(name))).toEqual([]);
    for (const row of rows.filter(({ table }) => !roots.has(table))) {
      expect([row.uuidName, references.filter((name) => name === row.uuidName).length]).toEqual([row.uuidName, 1]);
    }
  });

  it('say whose they are, and the router alone says of which generation', () => {
    const before = render();
    const after = render({ generation: 13 });
    for (const row of before) {
      expect(row.columns.external_ids).toMatchObject({
        'freehold:owner': 'freehold',
        'freehold:tenant': 'tnt-65000000000000001',
        'freehold:vpc': 'vpc-65000000000000001',
      });
    }
    const changed = after.filter((row, index) => JSON.stringify(row) !== JSON.stringify(before[index]));
    expect(changed.map((row) => row.table)).toEqual(['Logical_Router']);
    expect(changed[0]?.columns.external_ids['freehold:generation']).toBe('13');
  });

  it('are none when the VPC is to go', () => {
    expect(render({ deleting: true })).toEqual([]);
  });

  it('are a router alone when the VPC is empty', () => {
    const rows = render({
      subnets: [],
      routeTables: [{ id: PUBLIC_TABLE, main: true, routes: [] }],
      internetGateway: null,
      natGateways: [],
      vpnGateway: null,
      vpnConnections: [],
    });
    expect(rows.map((row) => row.table)).toEqual(['Logical_Router']);
  });
});

describe('routes', () => {
  it('that are blackholes, local, or of a gateway that is gone discard', () => {
    const rows = privateRoutes(
      route('192.0.2.0/24', 'vpn-gateway', VGW, { state: 'blackhole' }),
      route('198.51.100.0/24', 'internet-gateway', 'igw-0', { state: 'blackhole' }),
      route('172.16.0.0/16', 'vpn-gateway', VGW),
    );
    expect(nexthops(rows, PRIVATE_TABLE)).toEqual({
      '10.0.0.0/16': 'discard',
      '192.0.2.0/24': 'discard',
      '198.51.100.0/24': 'discard',
      '172.16.0.0/16': '169.254.1.2',
    });
  });

  it('to an internet gateway need a public address for IPv4, and none for IPv6', () => {
    const rows = render({ natGateways: [] });
    expect(nexthops(rows, PUBLIC_TABLE)).toMatchObject({ '0.0.0.0/0': 'discard', '::/0': 'fe80::1' });
    expect(columnsOf(rows, 'Logical_Router_Policy')).toEqual([]);
    expect(columnsOf(rows, 'Logical_Switch_Port').filter(({ type }) => type === 'localnet')).toHaveLength(1);
  });

  it('to a NAT gateway need the route of its subnet to the internet gateway, which may come later', () => {
    const [publicTable, privateTable] = acmeIntent().routeTables;
    const early = render({ routeTables: [{ ...publicTable!, routes: [local('10.0.0.0/16')] }, privateTable!] });
    expect(nexthops(early, PRIVATE_TABLE)['0.0.0.0/0']).toBe('discard');
    expect(columnsOf(early, 'NAT')).toEqual([]);
    expect(nexthops(render(), PRIVATE_TABLE)['0.0.0.0/0']).toBe('169.254.0.1');
  });

  it('that a VPN announces inside the VPC are never taken', () => {
    const rows = privateRoutes(route('10.0.99.0/24', 'vpn-gateway', VGW, { origin: 'vpn-static' }));
    expect(nexthops(rows, PRIVATE_TABLE)).toEqual({ '10.0.0.0/16': 'discard' });
  });

  it('of IPv6 through a VPN lead to the link-local address of the namespace’s port', () => {
    const rows = privateRoutes(route('2001:db8::/32', 'vpn-gateway', VGW));
    const port = columnsOf(rows, 'Logical_Switch_Port').find(({ name }) => name === `lsp-${VGW}`);
    expect(port?.addresses[0]).toMatch(/^0a:e6:d6:43:b8:c9 /);
    expect(nexthops(rows, PRIVATE_TABLE)['2001:db8::/32']).toBe('fe80::8e6:d6ff:fe43:b8c9');
  });
});

describe('translation', () => {
  const sets = (rows: NbRow[]) => columnsOf(rows, 'Address_Set').map(({ addresses }) => addresses);

  it('is done for each subnet behind a NAT gateway, and for no other', () => {
    expect(columnsOf(render(), 'NAT').map(({ logical_ip, external_ip }) => [logical_ip, external_ip])).toEqual(
      [4, 5, 6].map((n) => [`10.0.${n}.0/24`, '203.0.113.10']),
    );
    expect(sets(render())).toEqual([]);
  });

  it('is narrowed to the destinations that the table sends there', () => {
    const rows = privateRoutes(route('198.51.100.0/24', 'nat-gateway', NAT), route('192.0.2.0/25', 'nat-gateway', NAT));
    expect(sets(rows)).toEqual([['192.0.2.0/25', '198.51.100.0/24']]);
    expect(columnsOf(rows, 'NAT').every(({ allowed_ext_ips }) => allowed_ext_ips.length === 1)).toBe(true);
  });

  it('leaves out what the same table sends to the internet gateway, and that is dropped', () => {
    const rows = privateRoutes(route('0.0.0.0/0', 'nat-gateway', NAT), route('128.0.0.0/1', 'internet-gateway', IGW));
    expect(sets(rows)).toEqual([['0.0.0.0/1']]);
    const policy = columnsOf(rows, 'Logical_Router_Policy').find(({ match }) => match.includes(subnetId(4)));
    expect(policy).toMatchObject({ action: 'drop', match: expect.stringMatching(/ && ip4\.dst == 128\.0\.0\.0\/1$/) });
  });
});

describe('the VPN’s namespace', () => {
  it('may send from the networks behind its links and from nowhere else', () => {
    const port = columnsOf(render(), 'Logical_Switch_Port').find(({ name }) => name === `lsp-${VGW}`);
    expect(port?.port_security).toEqual(['0a:e6:d6:43:b8:c9 169.254.1.2 172.16.0.0/16']);
  });
});
