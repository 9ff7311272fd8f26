/**
 * Single addresses. There is one parser for the whole product, because parsers disagree: `010.0.0.1` is 8.0.0.1 to some
 * and 10.0.0.1 to PostgreSQL. It takes exactly the text that `formatAddress` writes and nothing else, so that equal
 * addresses have equal text everywhere: in requests, rows and ledger entries.
 */
import { Address4, Address6 } from 'ip-address';
import { IpRuleError } from './ip-rule.error.js';

export type IpVersion = 4 | 6;

/** `value` is the address as an unsigned integer: below 2^32 for IPv4, below 2^128 for IPv6. */
export interface Address {
  readonly version: IpVersion;
  readonly value: bigint;
}

/** How many bits an address has: 32 or 128. */
export function addressBits(version: IpVersion): 32 | 128 {
  return version === 4 ? 32 : 128;
}

/** Makes an address of its parts. A RangeError is a defect of the caller, never a user's mistake. */
export function addressOf(version: IpVersion, value: bigint): Address {
  if (value < 0n || value >> BigInt(addressBits(version)) !== 0n) {
    throw new RangeError(`${value} is not the value of an IPv${version} address`);
  }
  return { version, value };
}

/**
 * Reads an address in its canonical text: dotted decimal, or RFC 5952.
 * @param version the only version that is welcome here; either one when it is left out
 * @throws IpRuleError for anything else; where the text has an obvious meaning, `fix` is its canonical form
 */
export function parseAddress(text: string, version?: IpVersion): Address {
  requirePlainText(text);
  const slash = text.indexOf('/');
  if (slash >= 0) {
    throw new IpRuleError(
      'ip.single-address',
      `${quoted(text)} has a prefix length, but a single address is wanted`,
      `leave out ${quoted(text.slice(slash))}`,
    );
  }
  return readAddress(text, '', version);
}

/** The canonical text: dotted decimal for IPv4, RFC 5952 (section 4) for IPv6. */
export function formatAddress({ version, value }: Address): string {
  return version === 4 ? Address4.fromBigInt(value).correctForm() : Address6.fromBigInt(value).correctForm();
}

/** Orders IPv4 before IPv6, then by value. Zero only for equal addresses. */
export function compareAddresses(a: Address, b: Address): number {
  if (a.version !== b.version) return a.version - b.version;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

/** Text of a caller as it may stand in a message: short, printable ASCII, everything else escaped. */
export function quoted(text: string): string {
  const start = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}...` : text;
  return JSON.stringify(start).replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Longer than any address or block in any notation, and short enough to be put in a message. */
const LONGEST_TEXT = 64;

/** Refuses what no notation contains, before any other code looks at the text. */
export function requirePlainText(text: string): void {
  if (text.length === 0) {
    throw new IpRuleError('ip.empty', 'the text is empty', 'write an address, such as 10.0.0.1 or fd00::1');
  }
  if (text.length > LONGEST_TEXT) {
    throw new IpRuleError(
      'ip.length',
      `${quoted(text)} has ${text.length} characters, more than any address has`,
      `write at most ${LONGEST_TEXT} characters`,
    );
  }
  if (/\s/.test(text)) {
    throw new IpRuleError('ip.whitespace', `${quoted(text)} contains whitespace`, 'remove the whitespace');
  }
  if (text.includes('%')) {
    throw new IpRuleError(
      'ip.zone-id',
      `${quoted(text)} has a zone id, which means something on one machine only`,
      `leave out ${quoted(text.slice(text.indexOf('%')))}`,
    );
  }
  if (!/^[0-9A-Fa-f.:/]+$/.test(text)) {
    throw new IpRuleError(
      'ip.characters',
      `${quoted(text)} contains characters that no address has`,
      'use digits, the letters a to f, ".", ":" and "/" only',
    );
  }
}

/**
 * Reads an address that is followed by `suffix` (a prefix length, or nothing) in the caller's text; the suffix is only
 * repeated in fixes. `address` must have passed `requirePlainText`.
 */
export function readAddress(address: string, suffix: string, version?: IpVersion): Address {
  const found = address.includes(':') ? 6 : 4;
  const value = found === 4 ? readIpv4(address, suffix) : readIpv6(address, suffix);
  if (version !== undefined && found !== version) {
    throw new IpRuleError(
      'ip.version',
      `${quoted(address + suffix)} is IPv${found}, but IPv${version} is wanted`,
      `write an IPv${version} address, such as ${version === 4 ? '10.0.0.0' : 'fd00::'}`,
    );
  }
  return { version: found, value };
}

function readIpv4(address: string, suffix: string): bigint {
  if (/(^|\.)0\d/.test(address)) {
    const decimal = address.replace(/(^|\.)0+(?=\d)/g, '$1');
    throw new IpRuleError(
      'ip.leading-zero',
      `${quoted(address + suffix)} has a number with a leading zero, which some programs read as octal`,
      Address4.isValid(decimal) ? `write ${decimal}${suffix}` : IPV4_FIX,
    );
  }
  try {
    return new Address4(address).bigInt();
  } catch {
    throw new IpRuleError('ip.syntax', `${quoted(address + suffix)} is not an IPv4 address`, IPV4_FIX);
  }
}

const IPV4_FIX = 'write four decimal numbers from 0 to 255, such as 10.0.0.1';

function readIpv6(address: string, suffix: string): bigint {
  let parsed: Address6;
  try {
    parsed = new Address6(address);
  } catch {
    throw new IpRuleError(
      'ip.syntax',
      `${quoted(address + suffix)} is not an IPv6 address`,
      'write up to eight groups of hexadecimal digits, such as fd00:1:2::1',
    );
  }
  const value = parsed.bigInt();
  if (value >> 32n === 0xffffn) {
    throw new IpRuleError(
      'ip.v4-mapped',
      `${quoted(address + suffix)} is an IPv4 address mapped into IPv6`,
      `write the IPv4 address ${Address4.fromBigInt(value & 0xffff_ffffn).correctForm()}`,
    );
  }
  // PostgreSQL writes these back with a dotted tail, so their text would not survive a round trip.
  if (value >> 32n === 0n && value > 1n) {
    throw new IpRuleError(
      'ip.v4-compatible',
      `${quoted(address + suffix)} lies in ::/96, the deprecated IPv4-compatible addresses (RFC 4291, 2.5.5.1)`,
      `write the IPv4 address ${Address4.fromBigInt(value).correctForm()}, or an IPv6 address outside ::/96`,
    );
  }
  const canonical = parsed.correctForm();
  if (canonical !== address) {
    throw new IpRuleError(
      'ip.canonical',
      `${quoted(address + suffix)} is not in canonical form (RFC 5952)`,
      `write ${canonical}${suffix}`,
    );
  }
  return value;
}
