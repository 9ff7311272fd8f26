import { type Address, type Cidr, containsAddress, notPublicBecause, parseAddress } from '#ip';
import { EgressRefusedError } from './egress.errors.js';

/**
 * Refuses every address that is no public host and that the operator has not allowed. What cannot be read as an address is
 * refused as well: a zone id, an IPv4 address inside an IPv6 one. The refusal does not tell the address, which a name of the
 * operator's own network may have led to. @throws EgressRefusedError
 */
export function requirePermittedAddress(text: string, allowed: readonly Cidr[]): void {
  const address = readAddress(text);
  if (address && allowed.some((block) => containsAddress(block, address))) return;
  const because = address ? notPublicBecause(address) : 'an IPv4 address inside an IPv6 one, or of one machine only';
  if (because === undefined) return;
  throw new EgressRefusedError(
    'url.public-address',
    `its host is, or leads to, an address that is not public: ${because}`,
    'use a host of the public internet, or ask the operator to allow the network of this one',
  );
}

function readAddress(text: string): Address | null {
  try {
    return parseAddress(text);
  } catch {
    return null;
  }
}
