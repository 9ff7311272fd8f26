import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** What is built, as deploy/examples/acme.yaml describes it. */
export interface Scenario {
  operator: {
    addressPools: { name: string; cidrBlock: string; purpose: string }[];
    gatewayHosts: { name: string; endpoint: string }[];
    storageNodes: { name: string; failureDomain: string }[];
  };
  tenants: TenantScenario[];
}

export interface TenantScenario {
  name: string;
  /** Into which data is moved; absent for a tenant that has none. */
  dataset?: string;
  vpcs: VpcScenario[];
}

export interface VpcScenario {
  name: string;
  cidrBlock: string;
  tags?: Record<string, string>;
  internetGateway?: string;
  vpn?: VpnScenario;
  natGateways?: { name: string; subnet: string }[];
  routeTables: RouteTableScenario[];
  subnets: { name: string; cidrBlock: string; zone: string; routeTable: string }[];
}

export interface VpnScenario {
  gateway: string;
  customerGateway: { name: string; address: string; asn?: number };
  connection: string;
  remotePrefixes: string[];
}

export interface RouteTableScenario {
  name: string;
  propagateVpn?: boolean;
  routes: { destination: string; to: 'internet-gateway' | 'nat-gateway'; gateway?: string }[];
}

/** Reads a scenario. @param run stands where the file says `{run}` */
export function readScenario(path: string, run: string): Scenario {
  return parse(readFileSync(path, 'utf8').replaceAll('{run}', run)) as Scenario;
}
