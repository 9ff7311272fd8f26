import {
  atPointer,
  type Cidr,
  cidrsOverlap,
  formatAddress,
  formatCidr,
  nextFreeTunnelBlock,
  parseCidr,
  requireDisjoint,
  requireRemotePrefix,
  requireTunnelBlock,
  tunnelAddresses,
} from '#ip';
import { ConflictError, InvalidInputError } from '#kernel';
import { RemotePrefixTakenError, TunnelBlockTakenError } from './vpn.errors.js';

/** A prefix behind a VPN gateway, and the connection that leads there. */
export interface VpnRoute {
  destination: string;
  vpnConnectionId: string;
}

/**
 * Checks the prefixes of a connection against the blocks of its VPC and against those of the gateway's other connections.
 * @param own the connection itself, when it is there already
 * @throws InvalidInputError, RemotePrefixTakenError
 */
export function requireRemotePrefixes(
  prefixes: readonly string[],
  vpcCidrs: readonly string[],
  routesOfGateway: readonly VpnRoute[] = [],
  own?: string,
): void {
  const blocks = vpcCidrs.map((cidr) => parseCidr(cidr));
  prefixes.forEach((prefix, index) => {
    const pointer = `/remotePrefixes/${index}`;
    atPointer(pointer, () => requireRemotePrefix(parseCidr(prefix), blocks));
    if (prefixes.indexOf(prefix) !== index) {
      throw new InvalidInputError([
        { pointer, rule: 'vpn.remote-prefix-once', message: `${prefix} is there twice`, fix: 'send each prefix once' },
      ]);
    }
    const holder = routesOfGateway.find((route) => route.destination === prefix && route.vpnConnectionId !== own);
    if (holder) throw new RemotePrefixTakenError(index, prefix, holder.vpnConnectionId);
  });
}

/**
 * Checks a block that the VPC is to have as well against what lies behind its VPN gateway.
 * @throws InvalidInputError of the field at `pointer`
 */
export function requireOutsideRemotePrefixes(pointer: string, block: string, remotePrefixes: readonly string[]): void {
  atPointer(pointer, () =>
    requireDisjoint(
      'vpc.block-remote-prefix',
      parseCidr(block),
      remotePrefixes.map((prefix) => parseCidr(prefix)),
      'behind a VPN connection',
    ),
  );
}

/**
 * The block inside a new tunnel: the one asked for, else the lowest free one.
 * @param taken blocks of the gateway's other tunnels, also of those that are being deleted
 * @throws InvalidInputError of `/tunnelBlock`; TunnelBlockTakenError; ConflictError when the range is used up
 */
export function chooseTunnelBlock(asked: string | undefined, taken: readonly string[]): string {
  const others: Cidr[] = taken.map((cidr) => parseCidr(cidr));
  if (asked !== undefined) {
    const block = atPointer('/tunnelBlock', () => {
      const parsed = parseCidr(asked, 4);
      requireTunnelBlock(parsed);
      return parsed;
    });
    if (others.some((other) => cidrsOverlap(other, block))) throw new TunnelBlockTakenError(asked);
    return asked;
  }
  const free = nextFreeTunnelBlock(others);
  if (!free)
    throw new ConflictError('TunnelBlocksUsedUp', 'Every /30 of 169.254.0.0/16 is in use by this VPN gateway.');
  return formatCidr(free);
}

/** The addresses of both ends inside a tunnel. */
export function tunnelEnds(block: string): { insideAddress: string; customerInsideAddress: string } {
  const ends = tunnelAddresses(parseCidr(block, 4));
  return {
    insideAddress: formatAddress(ends.vpnGateway),
    customerInsideAddress: formatAddress(ends.customerGateway),
  };
}
