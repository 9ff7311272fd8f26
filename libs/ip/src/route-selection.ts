/**
 * Which route of a table a packet takes, by the rules of EC2 (VPC user guide, "Route priority"): the longest prefix wins;
 * among equal destinations the origin decides; and a local route beats every propagated one, also a more specific one, so
 * that nothing a neighbour announces can draw traffic out of the VPC. A blackhole route is chosen like any other and
 * drops the packet: it never lets a less specific route have it.
 */
import type { Address } from './address.js';
import { subtractCidrs } from './block-arithmetic.js';
import { type Cidr, compareCidrs, containsAddress, containsCidr, firstAddress } from './cidr.js';
import { LpmTable } from './lpm-table.js';

/** Where a route comes from, the preferred origin first. The last three are the propagated ones. */
export const ROUTE_ORIGINS = ['local', 'static', 'prefix-list', 'direct-link-bgp', 'vpn-static', 'vpn-bgp'] as const;
export type RouteOrigin = (typeof ROUTE_ORIGINS)[number];

export interface Route {
  readonly destination: Cidr;
  readonly origin: RouteOrigin;
  /** `blackhole` when the target is gone. */
  readonly state: 'active' | 'blackhole';
  /** Id of the target. Among routes that are equal in everything else the lowest id wins, so that order never matters. */
  readonly target: string;
}

export interface RouteChoice<R extends Route> {
  /** `drop` when the chosen route is a blackhole, `unreachable` when no route holds the destination. */
  readonly outcome: 'forward' | 'drop' | 'unreachable';
  readonly route: R | null;
  /** Every route that holds the destination, by preference; propagated ones that a local route outranks come last. */
  readonly considered: readonly R[];
}

export interface EffectiveRoute<R extends Route> {
  readonly route: R;
  /** `shadowed` when there is no address for which the route would be chosen. */
  readonly use: 'forward' | 'drop' | 'shadowed';
  /** The routes that take a shadowed route's addresses: the one that beats it, or the more specific ones right inside. */
  readonly shadowedBy: readonly R[];
}

/** Whether routes of this origin are learnt from a gateway instead of being written down in the table. */
export function isPropagated(origin: RouteOrigin): boolean {
  return ROUTE_ORIGINS.indexOf(origin) > ROUTE_ORIGINS.indexOf('prefix-list');
}

/** The route that a packet to `destination` takes, and the ones it beats. Routes of the other IP version play no part. */
export function selectRoute<R extends Route>(routes: readonly R[], destination: Address): RouteChoice<R> {
  const holding = routes.filter((route) => containsAddress(route.destination, destination));
  const inLocal = holding.some((route) => route.origin === 'local');
  const considered = holding.sort(
    (a, b) =>
      Number(inLocal && isPropagated(a.origin)) - Number(inLocal && isPropagated(b.origin)) ||
      b.destination.prefixLength - a.destination.prefixLength ||
      compareClaims(a, b),
  );
  const route = considered[0] ?? null;
  return { outcome: route ? outcomeOf(route) : 'unreachable', route, considered };
}

/**
 * What each route of a table amounts to, in the order of destinations (the larger block first) and then of preference.
 * A route is shadowed by the local route around a propagated one, by the preferred one of the same destination, or by
 * more specific routes that leave nothing of it.
 */
export function effectiveRoutes<R extends Route>(routes: readonly R[]): EffectiveRoute<R>[] {
  const sorted = [...routes].sort((a, b) => compareCidrs(a.destination, b.destination) || compareClaims(a, b));
  const locals = sorted.filter((route) => route.origin === 'local').map((route) => [route.destination, route] as const);
  const localTable = LpmTable.from(locals.reverse());
  const preferred = new LpmTable<R>();
  const claims = sorted.map((route) => {
    const local = isPropagated(route.origin) ? smallestAround(localTable, route.destination) : null;
    const beatenBy = local ?? preferred.get(route.destination) ?? null;
    if (!beatenBy) preferred.insert(route.destination, route);
    return { route, beatenBy };
  });
  const contenders = claims.filter((claim) => !claim.beatenBy).map((claim) => claim.route);
  let position = 0;
  return claims.map(({ route, beatenBy }): EffectiveRoute<R> => {
    if (beatenBy) return { route, use: 'shadowed', shadowedBy: [beatenBy] };
    const inside = rightInside(contenders, position++);
    const rest = subtractCidrs(
      route.destination,
      inside.map((one) => one.destination),
    );
    if (rest.length === 0) return { route, use: 'shadowed', shadowedBy: inside };
    return { route, use: outcomeOf(route), shadowedBy: [] };
  });
}

/** The same choice as `selectRoute`, prepared for many lookups: the entry found for an address is its chosen route. */
export function compileRoutes<R extends Route>(routes: readonly R[]): LpmTable<R> {
  const chosen = effectiveRoutes(routes).filter(({ use }) => use !== 'shadowed');
  return LpmTable.from(chosen.map(({ route }) => [route.destination, route] as const));
}

function outcomeOf(route: Route): 'forward' | 'drop' {
  return route.state === 'active' ? 'forward' : 'drop';
}

/** Orders routes of one destination by preference. */
function compareClaims(a: Route, b: Route): number {
  const byOrigin = ROUTE_ORIGINS.indexOf(a.origin) - ROUTE_ORIGINS.indexOf(b.origin);
  if (byOrigin !== 0) return byOrigin;
  return a.target < b.target ? -1 : a.target > b.target ? 1 : 0;
}

/** The smallest of the table's routes that holds all of the block, or null. */
function smallestAround<R extends Route>(table: LpmTable<R>, block: Cidr): R | null {
  const around = table.matches(firstAddress(block)).find((entry) => containsCidr(entry.cidr, block));
  return around?.value ?? null;
}

/** The routes inside the one at `index` that are in no other of them; `sorted` by destination, each destination once. */
function rightInside<R extends Route>(sorted: readonly R[], index: number): R[] {
  const outer = sorted[index]!.destination;
  const inside: R[] = [];
  for (let next = index + 1; next < sorted.length; next += 1) {
    const route = sorted[next]!;
    if (!containsCidr(outer, route.destination)) break;
    const previous = inside.at(-1);
    if (!previous || !containsCidr(previous.destination, route.destination)) inside.push(route);
  }
  return inside;
}
