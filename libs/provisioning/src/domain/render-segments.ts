import { formatAddress, parseCidr, reservedAddresses } from '#ip';
import { linkLocalOf, macOf, type NbColumns, type NbRow, uuidNameOf } from '#ovn';
import type { IntentSubnet, VpcIntent } from '#topology';
import type { Cell } from './cell.js';
import {
  externalIds,
  externalSwitch,
  localnetPort,
  reference,
  routerPort,
  type Stamp,
  switchToRouter,
  vpnPort,
} from './northbound-names.js';
import { VPN_TRANSIT } from './render-routing.js';

const HIGHEST_CHASSIS_PRIORITY = 100;

/** A switch of its own for each subnet, with the router at the subnet's second address. */
export function renderSubnet(subnet: IntentSubnet, stamp: Stamp): NbRow[] {
  const blocks = [subnet.cidr, ...(subnet.ipv6Cidr === null ? [] : [subnet.ipv6Cidr])];
  return segment(stamp, {
    name: subnet.id,
    resourceId: subnet.id,
    networks: blocks.map(routerAddress),
    options: { route_table: subnet.routeTableId },
  });
}

/** The way out: a switch that is bridged to the outside network on the gateway hosts. */
export function renderExternal(intent: VpcIntent, gatewayId: string, cell: Cell, stamp: Stamp): NbRow[] {
  const name = externalSwitch(intent.vpcId);
  const port = routerPort(name);
  const publicAddresses = intent.natGateways.map(({ publicAddress }) => `${publicAddress}/32`).sort();
  const chassis = cell.gatewayChassis.map(
    (host, index): NbRow => ({
      table: 'Gateway_Chassis',
      uuidName: uuidNameOf(`chassis-${port}-${host}`),
      columns: {
        name: `${port}_${host}`,
        chassis_name: host,
        priority: HIGHEST_CHASSIS_PRIORITY - index,
        external_ids: externalIds(stamp, gatewayId),
      },
    }),
  );
  const localnet: NbRow = {
    table: 'Logical_Switch_Port',
    uuidName: uuidNameOf(localnetPort(intent.vpcId)),
    columns: {
      name: localnetPort(intent.vpcId),
      type: 'localnet',
      addresses: ['unknown'],
      port_security: [],
      options: { network_name: cell.externalNetwork },
      external_ids: externalIds(stamp, gatewayId),
    },
  };
  return [
    ...chassis,
    ...segment(stamp, {
      name,
      resourceId: gatewayId,
      // A port has at least one address, also before there is a public one.
      networks: [`${linkLocalOf(macOf(port))}/64`, ...publicAddresses],
      chassis,
      ports: [localnet],
    }),
  ];
}

/**
 * The segment between the router and the namespace in which the VPN links end. The namespace may send from the networks
 * behind the links and from nowhere else.
 */
export function renderVpnTransit(intent: VpcIntent, vpnGatewayId: string, stamp: Stamp): NbRow[] {
  const name = vpnPort(vpnGatewayId);
  const own = `${macOf(name)} ${VPN_TRANSIT.namespace}`;
  const remote = [...new Set(intent.vpnConnections.flatMap((connection) => connection.remotePrefixes))].sort();
  const namespace: NbRow = {
    table: 'Logical_Switch_Port',
    uuidName: uuidNameOf(name),
    columns: {
      name,
      type: '',
      addresses: [own],
      port_security: [[own, ...remote].join(' ')],
      options: {},
      external_ids: externalIds(stamp, vpnGatewayId),
    },
  };
  return segment(stamp, {
    name: vpnGatewayId,
    resourceId: vpnGatewayId,
    networks: [`${VPN_TRANSIT.router}/${VPN_TRANSIT.prefixLength}`],
    ports: [namespace],
  });
}

interface Segment {
  /** Of the switch. */
  name: string;
  resourceId: string;
  networks: string[];
  options?: NbColumns['Logical_Router_Port']['options'];
  chassis?: NbRow[];
  /** What else is on the switch. */
  ports?: NbRow[];
}

/** A switch, a port of the router on it, and the switch's port that leads there. */
function segment(
  stamp: Stamp,
  { name, resourceId, networks, options = {}, chassis = [], ports = [] }: Segment,
): NbRow[] {
  const ids = externalIds(stamp, resourceId);
  const onRouter = routerPort(name);
  const toRouter: NbRow = {
    table: 'Logical_Switch_Port',
    uuidName: uuidNameOf(switchToRouter(name)),
    columns: {
      name: switchToRouter(name),
      type: 'router',
      addresses: ['router'],
      port_security: [],
      options: { 'router-port': onRouter },
      external_ids: ids,
    },
  };
  return [
    ...ports,
    toRouter,
    {
      table: 'Logical_Switch',
      uuidName: uuidNameOf(name),
      columns: {
        name,
        ports: [...ports, toRouter].map((port) => ({ namedUuid: port.uuidName })),
        external_ids: ids,
      },
    },
    {
      table: 'Logical_Router_Port',
      uuidName: reference(onRouter).namedUuid,
      columns: {
        name: onRouter,
        mac: macOf(onRouter),
        networks,
        gateway_chassis: chassis.map((row) => ({ namedUuid: row.uuidName })),
        options,
        external_ids: ids,
      },
    },
  ];
}

function routerAddress(block: string): string {
  const cidr = parseCidr(block);
  const router = reservedAddresses(cidr).find(({ role }) => role === 'router');
  if (!router) throw new Error(`${block} keeps no address for its router`);
  return `${formatAddress(router.address)}/${cidr.prefixLength}`;
}
