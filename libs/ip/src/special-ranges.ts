/** Which address ranges a private network may use, and which mean something else to every host. */
import type { Address } from './address.js';
import { type Cidr, cidrsOverlap, containsAddress, parseCidr } from './cidr.js';

interface NamedRange {
  readonly cidr: Cidr;
  readonly name: string;
}

/** Ranges that may be a block of any VPC: RFC 1918, RFC 6598, and for IPv6 the locally assigned part of RFC 4193. */
export const PRIVATE_RANGES: readonly Cidr[] = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fd00::/8',
].map((text) => parseCidr(text));

/** Ranges that are never unicast addresses of a routed network, whoever asks. */
const UNROUTABLE_RANGES: readonly NamedRange[] = named([
  ['0.0.0.0/8', '"this network" (RFC 1122)'],
  ['127.0.0.0/8', 'loopback (RFC 1122)'],
  ['169.254.0.0/16', 'link local (RFC 3927)'],
  ['224.0.0.0/4', 'multicast (RFC 5771)'],
  ['240.0.0.0/4', 'reserved (RFC 1112)'],
  ['::/8', 'loopback and embedded IPv4 (RFC 4291)'],
  ['fe80::/10', 'link local (RFC 4291)'],
  ['ff00::/8', 'multicast (RFC 4291)'],
]);

/**
 * Ranges whose addresses are no public hosts: what IANA's registries of special-purpose addresses do not call globally
 * reachable, multicast, and what carries an IPv4 address inside, which would lead to any of the others.
 */
const NOT_PUBLIC_RANGES: readonly NamedRange[] = named([
  ['0.0.0.0/8', '"this network" (RFC 791)'],
  ['10.0.0.0/8', 'private (RFC 1918)'],
  ['100.64.0.0/10', 'shared by carriers (RFC 6598)'],
  ['127.0.0.0/8', 'loopback (RFC 1122)'],
  ['169.254.0.0/16', 'link local (RFC 3927)'],
  ['172.16.0.0/12', 'private (RFC 1918)'],
  ['192.0.0.0/24', 'protocol assignments (RFC 6890)'],
  ['192.0.2.0/24', 'documentation (RFC 5737)'],
  ['192.88.99.0/24', '6to4 relays (RFC 7526)'],
  ['192.168.0.0/16', 'private (RFC 1918)'],
  ['198.18.0.0/15', 'benchmarks (RFC 2544)'],
  ['198.51.100.0/24', 'documentation (RFC 5737)'],
  ['203.0.113.0/24', 'documentation (RFC 5737)'],
  ['224.0.0.0/4', 'multicast (RFC 5771)'],
  ['240.0.0.0/4', 'reserved (RFC 1112)'],
  ['::/128', 'unspecified (RFC 4291)'],
  ['::1/128', 'loopback (RFC 4291)'],
  ['64:ff9b::/96', 'IPv4 behind NAT64 (RFC 6052)'],
  ['64:ff9b:1::/48', 'IPv4 behind NAT64 (RFC 8215)'],
  ['100::/64', 'discarded (RFC 6666)'],
  ['2001::/32', 'IPv4 through Teredo (RFC 4380)'],
  ['2001::/23', 'protocol assignments (RFC 2928)'],
  ['2001:db8::/32', 'documentation (RFC 3849)'],
  ['2002::/16', 'IPv4 through 6to4 (RFC 3056)'],
  ['3fff::/20', 'documentation (RFC 9637)'],
  ['5f00::/16', 'segment identifiers (RFC 9602)'],
  ['fc00::/7', 'private (RFC 4193)'],
  ['fe80::/10', 'link local (RFC 4291)'],
  ['fec0::/10', 'site local (RFC 3879)'],
  ['ff00::/8', 'multicast (RFC 4291)'],
]);

/** All that is handed out as global unicast of IPv6 (RFC 4291, section 2.4, as far as IANA has allocated it). */
const GLOBAL_UNICAST_IPV6 = parseCidr('2000::/3');

function named(ranges: readonly (readonly [string, string])[]): NamedRange[] {
  return ranges.map(([text, name]) => ({ cidr: parseCidr(text), name }));
}

/**
 * What an address is when it is not a public unicast one: a private, local or special address, or one that leads to such a
 * one through IPv4. Undefined for a host of the public internet.
 */
export function notPublicBecause(address: Address): string | undefined {
  const range = NOT_PUBLIC_RANGES.find(({ cidr }) => containsAddress(cidr, address));
  if (range) return range.name;
  const global = address.version === 4 || containsAddress(GLOBAL_UNICAST_IPV6, address);
  return global ? undefined : 'not global unicast (RFC 4291)';
}

/** The unroutable range that shares an address with the block, if any. */
export function unroutableRangeOf(block: Cidr): NamedRange | undefined {
  return UNROUTABLE_RANGES.find((range) => cidrsOverlap(range.cidr, block));
}
