/** One OVN deployment, as far as the rows of a VPC depend on it. */
export abstract class Cell {
  abstract readonly name: string;
  /** Marks the rows that are ours: nothing else in the Northbound database is touched. */
  abstract readonly owner: string;
  /** The name in `ovn-bridge-mappings` under which gateway hosts know the outside network. */
  abstract readonly externalNetwork: string;
  /** Where the outside network's router answers. Link-local: no VPC can have these addresses. */
  abstract readonly externalNextHop: { ipv4: string; ipv6: string };
  /** The hosts that carry traffic to and from the outside, the preferred one first. */
  abstract readonly gatewayChassis: readonly string[];
}

/** What is planned for when nothing else was configured. */
export const DEFAULT_CELL: Cell = {
  name: 'default',
  owner: 'freehold',
  externalNetwork: 'ext',
  externalNextHop: { ipv4: '169.254.0.1', ipv6: 'fe80::1' },
  gatewayChassis: ['gateway-1'],
};
