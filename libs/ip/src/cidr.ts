/**
 * Blocks (a network address and a prefix length) and how they lie to each other. Host bits are always zero: `10.0.0.5/24`
 * and `10.0.0.6/24` would be two names of one block.
 */
import {
  type Address,
  addressBits,
  addressOf,
  compareAddresses,
  formatAddress,
  type IpVersion,
  quoted,
  readAddress,
  requirePlainText,
} from './address.js';
import { IpRuleError } from './ip-rule.error.js';

/** `first` is the network address as an unsigned integer; its bits after `prefixLength` are zero. */
export interface Cidr {
  readonly version: IpVersion;
  readonly first: bigint;
  readonly prefixLength: number;
}

/** Makes a block of its parts. A RangeError is a defect of the caller, never a user's mistake. */
export function cidrOf(version: IpVersion, first: bigint, prefixLength: number): Cidr {
  requireLength(version, prefixLength);
  const cidr = { version, first: addressOf(version, first).value, prefixLength };
  if (first & hostMask(version, prefixLength)) throw new RangeError(`${formatCidr(cidr)} has host bits set`);
  return cidr;
}

/** The block of this prefix length that holds the address; `/32` or `/128` when no length is given. */
export function cidrAround(address: Address, prefixLength: number = addressBits(address.version)): Cidr {
  requireLength(address.version, prefixLength);
  const mask = hostMask(address.version, prefixLength);
  return { version: address.version, first: address.value & ~mask, prefixLength };
}

/**
 * Reads a block in its canonical text, such as `10.0.0.0/16` or `fd00::/56`.
 * @param version the only version that is welcome here; either one when it is left out
 * @throws IpRuleError for anything else; for host bits `fix` names the block that holds the address
 */
export function parseCidr(text: string, version?: IpVersion): Cidr {
  requirePlainText(text);
  const slash = text.indexOf('/');
  const address = readAddress(slash < 0 ? text : text.slice(0, slash), slash < 0 ? '' : text.slice(slash), version);
  const bits = addressBits(address.version);
  if (slash < 0) {
    throw new IpRuleError(
      'ip.prefix-length',
      `${quoted(text)} has no prefix length`,
      `write ${text}/${bits} for this one address, or a shorter prefix length for a block`,
    );
  }
  const length = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > bits) {
    throw new IpRuleError(
      'ip.prefix-length',
      `${quoted(length)} is not a prefix length of IPv${address.version}`,
      `write a number from 0 to ${bits} without leading zeros after the "/"`,
    );
  }
  const cidr = cidrAround(address, Number(length));
  if (cidr.first !== address.value) {
    throw new IpRuleError(
      'ip.host-bits',
      `${quoted(text)} has bits set after its prefix length`,
      `write ${formatCidr(cidr)}`,
    );
  }
  return cidr;
}

/** The canonical text, such as `10.0.0.0/16` or `fd00::/56`. */
export function formatCidr(cidr: Cidr): string {
  return `${formatAddress(firstAddress(cidr))}/${cidr.prefixLength}`;
}

/** Several blocks in one line for a message, the first eight of them by name. */
export function listCidrs(cidrs: readonly Cidr[]): string {
  const named = cidrs.slice(0, 8).map(formatCidr).join(', ');
  return cidrs.length > 8 ? `${named} and ${cidrs.length - 8} more` : named;
}

export function firstAddress(cidr: Cidr): Address {
  return { version: cidr.version, value: cidr.first };
}

export function lastAddress(cidr: Cidr): Address {
  return { version: cidr.version, value: lastValue(cidr) };
}

/** How many addresses the block has: a power of two, up to 2^128. */
export function cidrSize(cidr: Cidr): bigint {
  return hostMask(cidr.version, cidr.prefixLength) + 1n;
}

/** False for an address of the other version. */
export function containsAddress(cidr: Cidr, address: Address): boolean {
  return cidr.version === address.version && cidr.first <= address.value && address.value <= lastValue(cidr);
}

/** Whether every address of `inner` is in `outer`. Equal blocks contain each other; other versions never. */
export function containsCidr(outer: Cidr, inner: Cidr): boolean {
  return outer.prefixLength <= inner.prefixLength && containsAddress(outer, firstAddress(inner));
}

/** Whether the blocks share an address. Two blocks overlap exactly when one contains the other. */
export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return containsCidr(a, b) || containsCidr(b, a);
}

export function cidrsEqual(a: Cidr, b: Cidr): boolean {
  return a.version === b.version && a.first === b.first && a.prefixLength === b.prefixLength;
}

/** Orders IPv4 before IPv6, then by first address, then the larger block first. */
export function compareCidrs(a: Cidr, b: Cidr): number {
  return compareAddresses(firstAddress(a), firstAddress(b)) || a.prefixLength - b.prefixLength;
}

function lastValue(cidr: Cidr): bigint {
  return cidr.first | hostMask(cidr.version, cidr.prefixLength);
}

function hostMask(version: IpVersion, prefixLength: number): bigint {
  return (1n << BigInt(addressBits(version) - prefixLength)) - 1n;
}

function requireLength(version: IpVersion, prefixLength: number): void {
  if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > addressBits(version)) {
    throw new RangeError(`${prefixLength} is not a prefix length of IPv${version}`);
  }
}
