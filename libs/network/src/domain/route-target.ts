import {
  type FieldError,
  type InternetGatewayId,
  InvalidInputError,
  type NatGatewayId,
  ReferenceNotFoundError,
  type VpcId,
  type VpnGatewayId,
} from '#kernel';
import type { RouteTargetKind } from '#topology';

/** What a caller may point a route at. */
export type StaticTargetKind = Exclude<RouteTargetKind, 'local'>;

export interface RouteTarget {
  kind: StaticTargetKind;
  id: string;
}

/** The target as requests name it: exactly one of these. */
export interface RequestedTarget {
  internetGatewayId?: InternetGatewayId;
  natGatewayId?: NatGatewayId;
  vpnGatewayId?: VpnGatewayId;
}

const FIELDS: readonly { field: keyof RequestedTarget; kind: StaticTargetKind; name: string }[] = [
  { field: 'internetGatewayId', kind: 'internet-gateway', name: 'internet gateway' },
  { field: 'natGatewayId', kind: 'nat-gateway', name: 'NAT gateway' },
  { field: 'vpnGatewayId', kind: 'vpn-gateway', name: 'VPN gateway' },
];

/** @throws InvalidInputError unless exactly one target is named */
export function requireOneTarget(request: RequestedTarget): RouteTarget {
  const named = FIELDS.flatMap(({ field, kind }) => {
    const id = request[field];
    return id === undefined ? [] : [{ field, kind, id }];
  });
  const [first, ...further] = named;
  if (first && further.length === 0) return { kind: first.kind, id: first.id };
  const error = (pointer: string, message: string): FieldError => ({
    pointer,
    rule: 'route.one-target',
    message,
    fix: `name exactly one of ${FIELDS.map(({ field }) => field).join(', ')}`,
  });
  throw new InvalidInputError(
    first
      ? further.map(({ field }) => error(`/${field}`, 'a route has one target, and this is one more'))
      : [error('', 'a route needs a target')],
  );
}

/**
 * Checks that the target can take the traffic of the VPC.
 * @param servedVpc the VPC that the target serves now, null when it serves none, undefined when there is no such target
 * @throws ReferenceNotFoundError, InvalidInputError
 */
export function requireServes(target: RouteTarget, vpcId: VpcId, servedVpc: VpcId | null | undefined): void {
  const { field, name } = FIELDS.find(({ kind }) => kind === target.kind)!;
  const pointer = `/${field}`;
  if (servedVpc === undefined) throw new ReferenceNotFoundError(name, target.id, pointer);
  if (servedVpc === vpcId) return;
  throw new InvalidInputError([
    {
      pointer,
      rule: 'route.target-in-vpc',
      message: servedVpc
        ? `${target.id} belongs to another VPC, ${servedVpc}`
        : `${target.id} is not attached, or is being deleted`,
      fix:
        target.kind === 'nat-gateway'
          ? `use a NAT gateway in a subnet of ${vpcId}`
          : `attach the ${name} to ${vpcId} first, or use the one that is attached to it`,
    },
  ]);
}
