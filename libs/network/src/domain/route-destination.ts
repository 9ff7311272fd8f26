import { atPointer, type Cidr, cidrsEqual, containsCidr, formatCidr, parseCidr, unroutableRangeOf } from '#ip';
import { ConflictError, InvalidInputError } from '#kernel';
import type { StaticTargetKind } from './route-target.js';

/** Where requests name the destination of a route. */
export const DESTINATION_POINTER = '/destinationCidrBlock';

/**
 * Checks the destination of a static route and gives its canonical form. Traffic inside the VPC is the local routes': a
 * static route may hold a block of the VPC (0.0.0.0/0 does) but may not lie in one.
 * @throws InvalidInputError, ConflictError `LocalRoute`
 */
export function requireRouteDestination(
  text: string,
  targetKind: StaticTargetKind,
  vpcCidrs: readonly string[],
): string {
  const destination = atPointer(DESTINATION_POINTER, () => parseCidr(text));
  const block = vpcCidrs.map((cidr) => parseCidr(cidr)).find((own) => containsCidr(own, destination));
  if (block) {
    if (cidrsEqual(block, destination)) throw localRoute(formatCidr(block), 'replaced');
    throw refusal(
      'route.inside-vpc',
      `${text} lies in the block ${formatCidr(block)} of the VPC, whose local route keeps it`,
      'use a destination outside the blocks of the VPC',
    );
  }
  requireRoutable(destination);
  if (targetKind === 'nat-gateway' && destination.version === 6) {
    throw refusal(
      'route.nat-is-ipv4',
      'a NAT gateway translates IPv4 only',
      'point IPv6 at an internet gateway or a VPN gateway',
    );
  }
  return formatCidr(destination);
}

/** The local route of a block is there as long as the block. */
export function localRoute(block: string, attempt: 'replaced' | 'deleted'): ConflictError {
  return new ConflictError('LocalRoute', `The local route to ${block} cannot be ${attempt}.`, {
    errors: [
      {
        pointer: DESTINATION_POINTER,
        rule: 'route.local-stays',
        message: `${block} is a block of the VPC`,
        fix: 'remove the block from the VPC, and its local route goes with it',
      },
    ],
  });
}

function requireRoutable(destination: Cidr): void {
  const range = unroutableRangeOf(destination);
  if (!range || !containsCidr(range.cidr, destination)) return;
  throw refusal(
    'route.unroutable',
    `${formatCidr(destination)} is in ${formatCidr(range.cidr)}, which is ${range.name}`,
    'use a destination that is routed',
  );
}

function refusal(rule: string, message: string, fix: string): InvalidInputError {
  return new InvalidInputError([{ pointer: DESTINATION_POINTER, rule, message, fix }]);
}
