import type { IntentRoute } from '#topology';
import type { EffectiveRoutes } from '../app/effective-routes.query.js';
import type { PlacedAssociation } from '../app/route-table-association.query.js';
import type { DetailedRouteTable, PlacedRouteTable } from '../app/route-table-details.js';
import { placedView } from './placed.view.js';

const routeView = (route: IntentRoute) => ({
  destinationCidrBlock: route.destination,
  origin: route.origin,
  target: route.target,
  state: route.state,
});

const fields = ({ resource, associations, propagatingVpnGatewayIds }: PlacedRouteTable) => ({
  id: resource.id,
  vpcId: resource.vpcId,
  name: resource.name,
  main: resource.isMain,
  associations: associations.map(({ id, subnetId }) => ({ id, subnetId })),
  propagatingVpnGatewayIds,
});

export const routeTableSummaryView = (placed: PlacedRouteTable) => ({ ...fields(placed), ...placedView(placed) });

export const routeTableView = (placed: DetailedRouteTable) => ({
  ...fields(placed),
  routes: placed.routes.map(routeView),
  ...placedView(placed),
});

export const associationView = ({ resource, state, failure }: PlacedAssociation) => ({
  id: resource.id,
  vpcId: resource.vpcId,
  routeTableId: resource.routeTableId,
  subnetId: resource.subnetId,
  state,
  failure,
  version: resource.version,
  createdAt: resource.createdAt.toISOString(),
});

export const effectiveRoutesView = ({ routeTableId, routes, choice }: EffectiveRoutes) => ({
  routeTableId,
  routes: routes.map(({ route, use, shadowedBy }) => ({
    ...routeView(route.intent),
    use,
    shadowedBy: shadowedBy.map((other) => routeView(other.intent)),
  })),
  choice: choice && {
    address: choice.address,
    outcome: choice.outcome,
    route: choice.route && routeView(choice.route.intent),
    considered: choice.considered.map((route) => routeView(route.intent)),
  },
});
