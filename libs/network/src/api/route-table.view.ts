import { routeView } from '#topology';
import type { PlacedAssociation } from '../app/route-table-association.query.js';
import type { DetailedRouteTable, PlacedRouteTable } from '../app/route-table-details.js';
import { placedView } from './placed.view.js';

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
