import { type JsonObject } from '#proof';
import { type ReplayedMember, ReplayedVpc, textOf, textsOf } from './replayed-vpc.js';
import { effectiveRouteViews, routeChoiceView } from './route-views.js';
import { routesOfTable } from './vpc-routes.js';

/** What can be asked of the past of a VPC. */
export type StateQuestion =
  | { kind: 'vpc' }
  | { kind: 'topology' }
  /** What the routes of a table amounted to, and which of them took a packet to the address. */
  | { kind: 'effective-routes'; routeTableId: string; address: string | null };

/**
 * The answer, as JSON: made of the replayed entries by the API, and again by whoever verifies the answer. Null when the table
 * that was asked for was not there.
 * @throws FormatError, IpRuleError when a state is not one of its type
 */
export function claimsOf(vpc: ReplayedVpc, question: StateQuestion): JsonObject | null {
  switch (question.kind) {
    case 'vpc':
      return vpcClaims(vpc);
    case 'topology':
      return topologyClaims(vpc);
    case 'effective-routes':
      return routeClaims(vpc, question.routeTableId, question.address);
  }
}

function vpcClaims({ vpc, cidrBlocks, mainRouteTableId }: ReplayedVpc): JsonObject {
  return {
    ...named(vpc),
    cidrBlock: cidrBlocks[0] ?? null,
    ipv6CidrBlock: cidrBlocks.find((cidr) => cidr.includes(':')) ?? null,
    cidrBlocks,
    mainRouteTableId,
  };
}

function topologyClaims(vpc: ReplayedVpc): JsonObject {
  const snapshot = vpc.snapshot();
  const associationOf = new Map(vpc.associations.map((member) => [textOf(member, 'subnetId'), member]));
  return {
    vpc: vpcClaims(vpc),
    subnets: vpc.subnets.map((member) => {
      const association = associationOf.get(member.id);
      return {
        ...named(member),
        ...members(member, ['zone', 'cidrBlock', 'ipv6CidrBlock']),
        routeTableId: association ? textOf(association, 'routeTableId') : vpc.mainRouteTableId,
        associationId: association?.id ?? null,
      };
    }),
    routeTables: vpc.routeTables.map((table) => {
      // Its version is raised by what belongs to it, without an entry of its own.
      const { version: _version, ...own } = named(table);
      return {
        ...own,
        main: table.id === vpc.mainRouteTableId,
        associations: vpc.associations
          .filter((member) => textOf(member, 'routeTableId') === table.id)
          .map((member) => ({ id: member.id, subnetId: textOf(member, 'subnetId') })),
        propagatingVpnGatewayIds: snapshot.propagations
          .filter(({ routeTableId }) => routeTableId === table.id)
          .map(({ vpnGatewayId }) => vpnGatewayId),
        effectiveRoutes: effectiveRouteViews(routesOfTable(snapshot, table.id)),
      };
    }),
    internetGateway: vpc.internetGateway && named(vpc.internetGateway),
    natGateways: vpc.natGateways.map((member) => ({
      ...named(member),
      ...members(member, ['subnetId', 'elasticIpId', 'privateAddress']),
      publicAddress: vpc.related('elastic-ip', textOf(member, 'elasticIpId'))?.state.address ?? null,
    })),
    vpnGateway: vpc.vpnGateway && named(vpc.vpnGateway),
    vpnConnections: vpc.vpnConnections.map((member) => ({
      ...named(member),
      ...members(member, ['vpnGatewayId', 'customerGatewayId', 'gatewayEndpoint', 'tunnelBlock']),
      remotePrefixes: textsOf(member, 'remotePrefixes'),
      customerAddress: vpc.related('customer-gateway', textOf(member, 'customerGatewayId'))?.state.address ?? null,
    })),
  };
}

function routeClaims(vpc: ReplayedVpc, routeTableId: string, address: string | null): JsonObject | null {
  if (!vpc.routeTables.some(({ id }) => id === routeTableId)) return null;
  const routes = routesOfTable(vpc.snapshot(), routeTableId);
  return {
    routeTableId,
    routes: effectiveRouteViews(routes),
    choice: address === null ? null : routeChoiceView(routes, address),
  };
}

function named(member: ReplayedMember): JsonObject {
  return { id: member.id, ...members(member, ['name', 'tags']), version: member.version };
}

function members({ state }: ReplayedMember, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, state[name] ?? null]));
}
