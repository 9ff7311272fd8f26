import { createHash } from 'node:crypto';
import { addressOf, formatAddress } from '#ip';

/**
 * A name that OVSDB takes for a row (an identifier of letters, digits and underscores). Two names never become one: what is
 * neither letter nor digit nor dash is written as its code.
 */
export function uuidNameOf(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, (sign) => (sign === '-' ? '_' : `_${sign.charCodeAt(0).toString(16)}x`));
}

/**
 * The hardware address of a port, from its name: a locally administered one, the same whenever the port is made again. 40
 * bits of a hash: among the thousand ports of one segment two meet with a chance of 5 in 10 million.
 */
export function macOf(portName: string): string {
  const hash = createHash('sha256').update(`freehold/mac/v1\n${portName}`).digest();
  return ['0a', ...Array.from(hash.subarray(0, 5), (byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

/** The link-local IPv6 address that OVN gives a port with this hardware address (RFC 4291, appendix A). */
export function linkLocalOf(mac: string): string {
  const bytes = mac.split(':').map((byte) => BigInt(`0x${byte}`));
  const [a, b, c, d, e, f] = bytes as [bigint, bigint, bigint, bigint, bigint, bigint];
  const interfaceId = [a ^ 2n, b, c, 0xffn, 0xfen, d, e, f].reduce((value, byte) => (value << 8n) | byte, 0n);
  return formatAddress(addressOf(6, (0xfe80n << 112n) | interfaceId));
}
