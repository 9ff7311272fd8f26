import { cidrAround, formatAddress, IpRuleError, parseAddress, unroutableRangeOf } from '#ip';

/** Where customers' gateways reach a gateway host, and the first of the UDP ports that its tunnels listen on. */
export interface GatewayHostEndpoint {
  /** A DNS name in lower case, or an address without brackets. */
  host: string;
  port: number;
}

/** How many tunnels one host takes: one UDP port each, from its first port on. */
export const PORTS_A_HOST = 1000;

const DNS_NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Reads `host:port`, with an IPv6 address in brackets. Takes exactly what `formatEndpoint` writes.
 * @throws IpRuleError
 */
export function parseEndpoint(text: string): GatewayHostEndpoint {
  const match = /^(?:\[([^[\]]+)\]|([^:[\]]+)):([1-9]\d{0,4})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65535) {
    throw new IpRuleError(
      'endpoint.form',
      'it is not a host and a UDP port from 1 to 65535',
      'write it as vpn1.example.net:51820, 203.0.113.7:51820 or [2001:db8::7]:51820',
    );
  }
  if (match?.[1] === undefined && DNS_NAME.test(host)) return { host, port };
  if (match?.[1] === undefined && !/^[0-9.]+$/.test(host)) {
    throw new IpRuleError(
      'endpoint.host-name',
      'its host is not a DNS name in lower case',
      'use labels of the letters a to z, digits and dashes, the last of which starts with a letter',
    );
  }
  return { host: requireUnicast(host, match?.[1] === undefined ? 4 : 6), port };
}

export function formatEndpoint({ host, port }: GatewayHostEndpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Reads one address that hosts elsewhere can send to, in its canonical text.
 * @throws IpRuleError
 */
export function requireUnicast(text: string, version?: 4 | 6): string {
  const address = parseAddress(text, version);
  const unroutable = unroutableRangeOf(cidrAround(address));
  if (unroutable) {
    throw new IpRuleError(
      'ip.unicast',
      `${formatAddress(address)} is ${unroutable.name}`,
      'use a unicast address that the other side can reach',
    );
  }
  return formatAddress(address);
}
