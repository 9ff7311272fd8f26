import { effectiveRoutes, parseAddress, selectRoute } from '#ip';
import type { IntentRoute } from './vpc-intent.js';
import { selectable } from './vpc-routes.js';

/** Routes as answers show them: the same whether they are read from the database or recomputed from ledger entries. */

// Types and not interfaces: they are JSON, and compared as such.
export type RouteView = {
  destinationCidrBlock: string;
  origin: IntentRoute['origin'];
  target: IntentRoute['target'];
  state: IntentRoute['state'];
};

export type EffectiveRouteView = RouteView & { use: 'forward' | 'drop' | 'shadowed'; shadowedBy: RouteView[] };

/** Which route takes a packet to one address. */
export type RouteChoiceView = {
  address: string;
  outcome: 'forward' | 'drop' | 'unreachable';
  route: RouteView | null;
  considered: RouteView[];
};

export const routeView = (route: IntentRoute): RouteView => ({
  destinationCidrBlock: route.destination,
  origin: route.origin,
  target: { kind: route.target.kind, id: route.target.id },
  state: route.state,
});

/** What the routes of one table amount to. */
export function effectiveRouteViews(routes: readonly IntentRoute[]): EffectiveRouteView[] {
  return effectiveRoutes(routes.map(selectable)).map(({ route, use, shadowedBy }) => ({
    ...routeView(route.intent),
    use,
    shadowedBy: shadowedBy.map((other) => routeView(other.intent)),
  }));
}

/** @param address text of one address @throws IpRuleError */
export function routeChoiceView(routes: readonly IntentRoute[], address: string): RouteChoiceView {
  const { outcome, route, considered } = selectRoute(routes.map(selectable), parseAddress(address));
  return {
    address,
    outcome,
    route: route && routeView(route.intent),
    considered: considered.map((other) => routeView(other.intent)),
  };
}
