import { type Cidr, compareCidrs, parseCidr, ROUTE_ORIGINS, type Route } from '#ip';
import type { IntentRoute, VpcIntent } from './vpc-intent.js';
import type { SnapshotRoute, VpcSnapshot } from './vpc-snapshot.js';

/** An intended route in the form that `#ip` chooses among. */
export interface SelectableRoute extends Route {
  readonly intent: IntentRoute;
}

/** What the VPC should be, of what is alive in it. */
export function intentOf(snapshot: VpcSnapshot): VpcIntent {
  const { associations, propagations: _propagations, routes, ...alive } = snapshot;
  const own = new Map(associations.map(({ subnetId, routeTableId }) => [subnetId, routeTableId]));
  const main = snapshot.routeTables.find((table) => table.main)?.id ?? '';
  const routesByTable = new Map<string, SnapshotRoute[]>(snapshot.routeTables.map(({ id }) => [id, []]));
  for (const route of routes) routesByTable.get(route.routeTableId)?.push(route);
  return {
    ...alive,
    subnets: snapshot.subnets.map((subnet) => ({ ...subnet, routeTableId: own.get(subnet.id) ?? main })),
    routeTables: snapshot.routeTables.map((table) => ({
      ...table,
      routes: routesOfTable(snapshot, table.id, routesByTable.get(table.id)),
    })),
  };
}

/**
 * All routes of one table, by destination: the local one of each block, the static ones, and those that the VPN gateway
 * propagates into it. A static route whose target is gone or detached is a blackhole, and an active one again when the same
 * gateway is attached again.
 */
export function routesOfTable(
  snapshot: VpcSnapshot,
  routeTableId: string,
  staticRoutes: readonly SnapshotRoute[] = snapshot.routes.filter((route) => route.routeTableId === routeTableId),
): IntentRoute[] {
  const local = snapshot.cidrBlocks.map(
    ({ cidr }): IntentRoute => ({
      destination: cidr,
      origin: 'local',
      target: { kind: 'local', id: null },
      state: 'active',
    }),
  );
  const written = staticRoutes.map(
    (route): IntentRoute => ({
      destination: route.destination,
      origin: 'static',
      target: { kind: route.targetKind, id: route.targetId },
      state: isAlive(snapshot, route) ? 'active' : 'blackhole',
    }),
  );
  return sortedByDestination([...local, ...written, ...propagatedRoutes(snapshot, routeTableId)]);
}

function isAlive(snapshot: VpcSnapshot, { targetKind, targetId }: SnapshotRoute): boolean {
  switch (targetKind) {
    case 'internet-gateway':
      return snapshot.internetGateway?.id === targetId;
    case 'nat-gateway':
      return snapshot.natGateways.some((gateway) => gateway.id === targetId);
    case 'vpn-gateway':
      return snapshot.vpnGateway?.id === targetId;
  }
}

/** One route for each prefix behind the VPN gateway, however many connections lead there. */
function propagatedRoutes(snapshot: VpcSnapshot, routeTableId: string): IntentRoute[] {
  const gateway = snapshot.vpnGateway?.id;
  const taken = snapshot.propagations.some(
    (propagation) => propagation.routeTableId === routeTableId && propagation.vpnGatewayId === gateway,
  );
  if (gateway === undefined || !taken) return [];
  const prefixes = new Set(snapshot.vpnConnections.flatMap((connection) => connection.remotePrefixes));
  return [...prefixes].map((destination) => ({
    destination,
    origin: 'vpn-static',
    target: { kind: 'vpn-gateway', id: gateway },
    state: 'active',
  }));
}

export function selectable(intent: IntentRoute): SelectableRoute {
  return {
    destination: parseCidr(intent.destination),
    origin: intent.origin,
    state: intent.state,
    target: intent.target.id ?? intent.target.kind,
    intent,
  };
}

function sortedByDestination(routes: IntentRoute[]): IntentRoute[] {
  const keyed = routes.map((route): [Cidr, IntentRoute] => [parseCidr(route.destination), route]);
  const rank = (route: IntentRoute) => ROUTE_ORIGINS.indexOf(route.origin);
  return keyed.sort(([a, x], [b, y]) => compareCidrs(a, b) || rank(x) - rank(y)).map(([, route]) => route);
}
