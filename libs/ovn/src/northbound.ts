/**
 * The rows of OVN's Northbound database that Freehold writes (schema 7.0.0 of OVN 23.03, ovn-nb(5)), as plain values:
 * sets are arrays, maps are objects, and a reference names the row that it points to. `insertOperations` turns them into
 * what an OVSDB server takes.
 */

/** Points to another row of the same plan. */
export interface NbRef {
  namedUuid: string;
}

export type NbMap = Record<string, string>;

/** The columns we set, by table. What is left out has OVN's default. */
export interface NbColumns {
  Address_Set: { name: string; addresses: string[]; external_ids: NbMap };
  Gateway_Chassis: { name: string; chassis_name: string; priority: number; external_ids: NbMap };
  Logical_Router: {
    name: string;
    ports: NbRef[];
    static_routes: NbRef[];
    policies: NbRef[];
    nat: NbRef[];
    external_ids: NbMap;
  };
  Logical_Router_Policy: { priority: number; match: string; action: 'allow' | 'drop'; external_ids: NbMap };
  Logical_Router_Port: {
    name: string;
    mac: string;
    /** Addresses of the port with their prefix lengths; at least one. */
    networks: string[];
    gateway_chassis: NbRef[];
    options: NbMap;
    external_ids: NbMap;
  };
  Logical_Router_Static_Route: {
    route_table: string;
    ip_prefix: string;
    /** An address, or `discard`. */
    nexthop: string;
    /** The name of a router port, in a set of one; empty with `discard`. */
    output_port: string[];
    external_ids: NbMap;
  };
  Logical_Switch: { name: string; ports: NbRef[]; external_ids: NbMap };
  Logical_Switch_Port: {
    name: string;
    /** Empty for an endpoint. */
    type: '' | 'router' | 'localnet';
    addresses: string[];
    port_security: string[];
    options: NbMap;
    external_ids: NbMap;
  };
  NAT: {
    type: 'snat' | 'dnat_and_snat';
    external_ip: string;
    logical_ip: string;
    /** When set: only traffic to these destinations is translated. A set of one at most. */
    allowed_ext_ips: NbRef[];
    external_ids: NbMap;
  };
}

export type NbTable = keyof NbColumns;

/** One row. `uuidName` is unique in its plan and stays the same as long as the row means the same thing. */
export type NbRow = {
  [T in NbTable]: { table: T; uuidName: string; columns: NbColumns[T] };
}[NbTable];

/** Every table that we write, parents after their children. */
export const NB_TABLES: readonly NbTable[] = [
  'Address_Set',
  'Gateway_Chassis',
  'Logical_Router_Static_Route',
  'Logical_Router_Policy',
  'NAT',
  'Logical_Router_Port',
  'Logical_Router',
  'Logical_Switch_Port',
  'Logical_Switch',
];
