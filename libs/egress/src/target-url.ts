import { EgressRefusedError } from './egress.errors.js';

/** Longer than any address that somebody would type, and short enough to be stored and recorded. */
const LONGEST_URL = 2048;
const FIRST_FREE_PORT = 1024;

/** Ports from 1024 on that other protocols answer on (the Fetch standard, "bad port"): nothing there wants our requests. */
const OTHER_PROTOCOLS = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

export interface TargetRules {
  /** Plain HTTP as well: for development alone. */
  allowHttp: boolean;
}

/**
 * Reads a tenant's URL with the WHATWG parser, which makes one spelling of every way to write an IPv4 address (decimal,
 * octal, hexadecimal, shortened) and of every host name, so that what is checked is what is connected to.
 * @throws EgressRefusedError
 */
export function parseTargetUrl(text: string, { allowHttp }: TargetRules): URL {
  if (text.length > LONGEST_URL) {
    throw new EgressRefusedError('url.length', `longer than ${LONGEST_URL} characters`, 'use a shorter URL');
  }
  // The parser drops these silently: the URL would not be the one that was written.
  if (!/^[\x21-\x7e]+$/.test(text) || !URL.canParse(text)) {
    throw new EgressRefusedError('url.syntax', 'not a URL in printable ASCII', 'write https://host/path');
  }
  const url = new URL(text);
  const schemes = allowHttp ? ['https:', 'http:'] : ['https:'];
  if (!schemes.includes(url.protocol)) {
    throw new EgressRefusedError('url.scheme', `not a URL of ${schemes.join(' or ')}`, 'use https');
  }
  if (url.username !== '' || url.password !== '') {
    throw new EgressRefusedError('url.no-credentials', 'it holds a user name or a password', 'leave them out');
  }
  if (url.hash !== '' || text.includes('#')) {
    throw new EgressRefusedError('url.no-fragment', 'it has a fragment, which is never sent', 'leave it out');
  }
  const port = portOf(url);
  const usual = port === (url.protocol === 'https:' ? 443 : 80);
  if (!usual && (port < FIRST_FREE_PORT || OTHER_PROTOCOLS.has(port))) {
    throw new EgressRefusedError(
      'url.port',
      `port ${port} is for another protocol`,
      `use the scheme's own port, or one from ${FIRST_FREE_PORT} on that no other protocol has`,
    );
  }
  return url;
}

/** The port that a URL is reached on. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

/** The host without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}
