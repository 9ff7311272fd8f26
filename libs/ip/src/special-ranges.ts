/** Which address ranges a private network may use, and which mean something else to every host. */
import { type Cidr, cidrsOverlap, parseCidr } from './cidr.js';

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
const UNROUTABLE_RANGES: readonly NamedRange[] = [
  ['0.0.0.0/8', '"this network" (RFC 1122)'],
  ['127.0.0.0/8', 'loopback (RFC 1122)'],
  ['169.254.0.0/16', 'link local (RFC 3927)'],
  ['224.0.0.0/4', 'multicast (RFC 5771)'],
  ['240.0.0.0/4', 'reserved (RFC 1112)'],
  ['::/8', 'loopback and embedded IPv4 (RFC 4291)'],
  ['fe80::/10', 'link local (RFC 4291)'],
  ['ff00::/8', 'multicast (RFC 4291)'],
].map(([text, name]) => ({ cidr: parseCidr(text!), name: name! }));

/** The unroutable range that shares an address with the block, if any. */
export function unroutableRangeOf(block: Cidr): NamedRange | undefined {
  return UNROUTABLE_RANGES.find((range) => cidrsOverlap(range.cidr, block));
}
