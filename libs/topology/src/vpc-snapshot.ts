import type { IntentCidrBlock, IntentNatGateway, IntentVpnConnection, RouteTargetKind } from './vpc-intent.js';

/**
 * What is alive in a VPC at one moment, as rows: the one source of the intent that reconcilers work from and of the routes
 * that callers see, so that the two cannot tell different stories. What is being deleted or detached is left out.
 */
export interface VpcSnapshot {
  tenantId: string;
  vpcId: string;
  name: string | null;
  generation: number;
  deleting: boolean;
  /** The primary block first. */
  cidrBlocks: IntentCidrBlock[];
  subnets: SnapshotSubnet[];
  routeTables: { id: string; main: boolean }[];
  associations: { subnetId: string; routeTableId: string }[];
  propagations: { routeTableId: string; vpnGatewayId: string }[];
  /** Static routes, whatever has become of their targets. */
  routes: SnapshotRoute[];
  internetGateway: { id: string } | null;
  natGateways: IntentNatGateway[];
  vpnGateway: { id: string } | null;
  vpnConnections: IntentVpnConnection[];
}

export interface SnapshotSubnet {
  id: string;
  name: string | null;
  zone: string;
  cidr: string;
  ipv6Cidr: string | null;
}

export interface SnapshotRoute {
  routeTableId: string;
  destination: string;
  targetKind: Exclude<RouteTargetKind, 'local'>;
  targetId: string;
}
