import { formatCidr } from '#ip';
import { linkLocalOf, macOf, type NbRef, type NbRow, uuidNameOf } from '#ovn';
import type { IntentRouteTable, VpcIntent } from '#topology';
import type { Cell } from './cell.js';
import { externalIds, externalSwitch, routerPort, type Stamp, vpnPort } from './northbound-names.js';
import { type Hop, leavingBy, type TableRoute, tableRoutes } from './table-routes.js';

/** On the segment between the router and a VPN gateway's namespace; EC2 keeps it free of tunnels, and so do we. */
export const VPN_TRANSIT = { router: '169.254.1.1', namespace: '169.254.1.2', prefixLength: 30 };

const ANYWHERE = '0.0.0.0/0';
const DROP_PRIORITY = 1000;

/** Everything that hangs on the router because of route tables: routes, translations and what must not leave. */
export function renderRouting(intent: VpcIntent, cell: Cell, stamp: Stamp): NbRow[] {
  return intent.routeTables.flatMap((table) => {
    const routes = tableRoutes(intent, table);
    return [
      ...routes.map((route) => staticRoute(intent, cell, stamp, table, route)),
      ...translations(intent, stamp, table, routes),
      ...unaddressed(intent, stamp, table, routes),
    ];
  });
}

function staticRoute(
  intent: VpcIntent,
  cell: Cell,
  stamp: Stamp,
  table: IntentRouteTable,
  { destination, hop }: TableRoute,
): NbRow {
  const prefix = formatCidr(destination);
  return {
    table: 'Logical_Router_Static_Route',
    uuidName: uuidNameOf(`route-${table.id}-${prefix}`),
    columns: {
      route_table: table.id,
      ip_prefix: prefix,
      ...next(intent, cell, hop, destination.version),
      external_ids: externalIds(stamp, table.id),
    },
  };
}

function next(intent: VpcIntent, cell: Cell, hop: Hop, version: 4 | 6): { nexthop: string; output_port: string[] } {
  switch (hop.kind) {
    case 'discard':
      return { nexthop: 'discard', output_port: [] };
    case 'vpn':
      return {
        nexthop: version === 4 ? VPN_TRANSIT.namespace : linkLocalOf(macOf(vpnPort(hop.vpnGatewayId))),
        output_port: [routerPort(hop.vpnGatewayId)],
      };
    case 'internet':
    case 'nat':
      return {
        nexthop: version === 4 ? cell.externalNextHop.ipv4 : cell.externalNextHop.ipv6,
        output_port: [routerPort(externalSwitch(intent.vpcId))],
      };
  }
}

/** One translation for each subnet behind a NAT gateway, narrowed to what the subnet's table sends there. */
function translations(
  intent: VpcIntent,
  stamp: Stamp,
  table: IntentRouteTable,
  routes: readonly TableRoute[],
): NbRow[] {
  return intent.natGateways.flatMap((gateway): NbRow[] => {
    const destinations = leavingBy(routes, (hop) => hop.kind === 'nat' && hop.natGatewayId === gateway.id);
    const subnets = intent.subnets.filter((subnet) => subnet.routeTableId === table.id);
    if (destinations.length === 0 || subnets.length === 0) return [];
    const everything = destinations.length === 1 && destinations[0] === ANYWHERE;
    const setName = uuidNameOf(`nat-${gateway.id}-${table.id}`);
    const ids = externalIds(stamp, gateway.id);
    const set: NbRow = {
      table: 'Address_Set',
      uuidName: setName,
      columns: { name: setName, addresses: destinations, external_ids: ids },
    };
    const rows = subnets.map(
      (subnet): NbRow => ({
        table: 'NAT',
        uuidName: uuidNameOf(`nat-${gateway.id}-${subnet.id}`),
        columns: {
          type: 'snat',
          external_ip: gateway.publicAddress,
          logical_ip: subnet.cidr,
          allowed_ext_ips: everything ? [] : [{ namedUuid: setName }],
          external_ids: ids,
        },
      }),
    );
    return everything ? rows : [set, ...rows];
  });
}

/**
 * An internet gateway forwards for those who have a public address. None of a subnet's own addresses is one: what a table
 * sends there without translation would leave with a private source, so it is dropped.
 */
function unaddressed(intent: VpcIntent, stamp: Stamp, table: IntentRouteTable, routes: readonly TableRoute[]): NbRow[] {
  const destinations = leavingBy(routes, (hop) => hop.kind === 'internet');
  const ports = intent.subnets
    .filter((subnet) => subnet.routeTableId === table.id)
    .map(({ id }) => routerPort(id))
    .sort();
  if (destinations.length === 0 || ports.length === 0) return [];
  const match = [
    `inport == ${setOf(ports.map((port) => `"${port}"`))}`,
    `outport == "${routerPort(externalSwitch(intent.vpcId))}"`,
    destinations.length === 1 && destinations[0] === ANYWHERE ? 'ip4' : `ip4.dst == ${setOf(destinations)}`,
  ].join(' && ');
  return [
    {
      table: 'Logical_Router_Policy',
      uuidName: uuidNameOf(`policy-${table.id}`),
      columns: { priority: DROP_PRIORITY, match, action: 'drop', external_ids: externalIds(stamp, table.id) },
    },
  ];
}

function setOf(members: string[]): string {
  return members.length === 1 ? (members[0] as string) : `{${members.join(', ')}}`;
}

/** References to all rows of one kind, in the order of the rows. */
export function referencesTo(rows: readonly NbRow[], table: NbRow['table']) {
  return rows.filter((row) => row.table === table).map(({ uuidName }): NbRef => ({ namedUuid: uuidName }));
}
