/**
 * Everything a VPC should be, read in one snapshot: what reconcilers compare the data plane with. Ids are those of the API;
 * addresses are canonical text. Resources that are being deleted are left out: intent is what should remain.
 */
export interface VpcIntent {
  tenantId: string;
  vpcId: string;
  name: string | null;
  generation: number;
  /** True when nothing of the VPC should remain. */
  deleting: boolean;
  cidrBlocks: IntentCidrBlock[];
  subnets: IntentSubnet[];
  routeTables: IntentRouteTable[];
  internetGateway: { id: string } | null;
  natGateways: IntentNatGateway[];
  vpnGateway: { id: string } | null;
  vpnConnections: IntentVpnConnection[];
}

export interface IntentCidrBlock {
  id: string;
  cidr: string;
}

export interface IntentSubnet {
  id: string;
  name: string | null;
  zone: string;
  cidr: string;
  ipv6Cidr: string | null;
  /** The table that routes it: its own association's, else the main one. */
  routeTableId: string;
}

export interface IntentRouteTable {
  id: string;
  main: boolean;
  routes: IntentRoute[];
}

export type RouteTargetKind = 'local' | 'internet-gateway' | 'nat-gateway' | 'vpn-gateway';

export interface IntentRoute {
  destination: string;
  origin: 'local' | 'static' | 'vpn-static';
  target: { kind: RouteTargetKind; id: string | null };
  /** A blackhole discards: its target is gone or detached. */
  state: 'active' | 'blackhole';
}

export interface IntentNatGateway {
  id: string;
  subnetId: string;
  privateAddress: string;
  publicAddress: string;
  elasticIpId: string;
}

export interface IntentVpnConnection {
  id: string;
  customerGatewayId: string;
  /** Blocks behind the customer's gateway. */
  remotePrefixes: string[];
  /** The /30 inside the tunnel, with each end's address. */
  tunnelBlock: string;
  insideAddress: string;
  customerInsideAddress: string;
}
