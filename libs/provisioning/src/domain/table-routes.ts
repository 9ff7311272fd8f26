import {
  type Cidr,
  containsCidr,
  effectiveRoutes,
  formatCidr,
  parseCidr,
  type Route,
  subtractCidrs,
  summariseCidrs,
} from '#ip';
import type { IntentRoute, IntentRouteTable, VpcIntent } from '#topology';

/** Where a packet goes that follows a route. */
export type Hop =
  | { kind: 'discard' }
  | { kind: 'internet' }
  | { kind: 'nat'; natGatewayId: string }
  | { kind: 'vpn'; vpnGatewayId: string };

export interface TableRoute {
  destination: Cidr;
  hop: Hop;
}

interface SelectableRoute extends Route {
  intent: IntentRoute;
}

/**
 * The routes of a table that are ever taken, each with what the data plane does there. Local routes discard: addresses of
 * the VPC that are in no subnet must not follow a default route to the outside, and those of subnets are reached by OVN's
 * connected routes, which are more specific.
 */
export function tableRoutes(intent: VpcIntent, table: IntentRouteTable): TableRoute[] {
  return chosenRoutes(table).map(({ destination, intent: route }) => ({
    destination,
    hop: hopOf(intent, route, destination),
  }));
}

/** The addresses that a table sends out by one hop, and by no more specific route elsewhere; IPv4. */
export function leavingBy(routes: readonly TableRoute[], isHop: (hop: Hop) => boolean): string[] {
  const outward = routes.filter(({ destination, hop }) => destination.version === 4 && isOutward(hop));
  const parts = outward
    .filter(({ hop }) => isHop(hop))
    .flatMap(({ destination }) => {
      const rivals = outward.filter((other) => !isHop(other.hop) && containsCidr(destination, other.destination));
      return subtractCidrs(
        destination,
        rivals.map((rival) => rival.destination),
      );
    });
  return summariseCidrs(parts).map(formatCidr);
}

export function isOutward(hop: Hop): boolean {
  return hop.kind === 'internet' || hop.kind === 'nat';
}

function chosenRoutes(table: IntentRouteTable): SelectableRoute[] {
  const routes = table.routes.map(
    (intent): SelectableRoute => ({
      destination: parseCidr(intent.destination),
      origin: intent.origin,
      state: intent.state,
      target: intent.target.id ?? intent.target.kind,
      intent,
    }),
  );
  return effectiveRoutes(routes)
    .filter(({ use }) => use !== 'shadowed')
    .map(({ route }) => route);
}

function hopOf(intent: VpcIntent, { target, state }: IntentRoute, destination: Cidr): Hop {
  if (state === 'blackhole' || target.id === null) return { kind: 'discard' };
  switch (target.kind) {
    case 'internet-gateway':
      return canLeave(intent, destination) ? { kind: 'internet' } : { kind: 'discard' };
    case 'nat-gateway':
      return natReaches(intent, target.id, destination)
        ? { kind: 'nat', natGatewayId: target.id }
        : { kind: 'discard' };
    case 'vpn-gateway':
      return { kind: 'vpn', vpnGatewayId: target.id };
    case 'local':
      return { kind: 'discard' };
  }
}

/** IPv4 leaves by an internet gateway only when the VPC has a public address to leave with. */
function canLeave(intent: VpcIntent, destination: Cidr): boolean {
  return intent.internetGateway !== null && (destination.version === 6 || intent.natGateways.length > 0);
}

/** A NAT gateway reaches what the table of its own subnet sends to the internet gateway. It translates IPv4 alone. */
function natReaches(intent: VpcIntent, natGatewayId: string, destination: Cidr): boolean {
  const gateway = intent.natGateways.find(({ id }) => id === natGatewayId);
  const subnet = intent.subnets.find(({ id }) => id === gateway?.subnetId);
  const table = intent.routeTables.find(({ id }) => id === subnet?.routeTableId);
  if (!table || destination.version !== 4 || !canLeave(intent, destination)) return false;
  return chosenRoutes(table).some(
    (route) =>
      route.state === 'active' &&
      route.intent.target.kind === 'internet-gateway' &&
      containsCidr(route.destination, destination),
  );
}
