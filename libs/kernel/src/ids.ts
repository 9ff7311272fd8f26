import { InvalidInputError } from './errors.js';

/**
 * One id scheme for every resource: `<prefix>-<17 lowercase hex digits>`, 8 digits of Unix seconds followed by 9 digits
 * from the CSPRNG. An id sorts roughly by age, names a resource and is never a secret. The prefixes are EC2's where EC2
 * has the resource, so that an EC2-compatible endpoint can serve the very same objects.
 */
export const ID_PREFIXES = {
  tenant: 'tnt',
  user: 'usr',
  apiKey: 'key',
  signingKey: 'sgk',
  vpc: 'vpc',
  cidrBlock: 'vpc-cidr-assoc',
  subnet: 'subnet',
  routeTable: 'rtb',
  routeTableAssociation: 'rtbassoc',
  internetGateway: 'igw',
  natGateway: 'nat',
  elasticIp: 'eipalloc',
  vpnGateway: 'vgw',
  customerGateway: 'cgw',
  vpnConnection: 'vpn',
  gatewayHost: 'gwh',
  addressPool: 'pool',
  ledgerEntry: 'led',
  anchor: 'anc',
  disclosure: 'dsc',
  dataset: 'ds',
  migration: 'mig',
  segment: 'seg',
  storageNode: 'node',
  operation: 'op',
  webhook: 'whk',
  request: 'req',
} as const;

export type ResourceKind = keyof typeof ID_PREFIXES;

declare const brand: unique symbol;
export type Id<K extends ResourceKind> = string & { readonly [brand]: K };

export type TenantId = Id<'tenant'>;
export type UserId = Id<'user'>;
export type ApiKeyId = Id<'apiKey'>;
export type SigningKeyId = Id<'signingKey'>;
export type VpcId = Id<'vpc'>;
export type CidrBlockId = Id<'cidrBlock'>;
export type SubnetId = Id<'subnet'>;
export type RouteTableId = Id<'routeTable'>;
export type RouteTableAssociationId = Id<'routeTableAssociation'>;
export type InternetGatewayId = Id<'internetGateway'>;
export type NatGatewayId = Id<'natGateway'>;
export type ElasticIpId = Id<'elasticIp'>;
export type VpnGatewayId = Id<'vpnGateway'>;
export type CustomerGatewayId = Id<'customerGateway'>;
export type VpnConnectionId = Id<'vpnConnection'>;
export type GatewayHostId = Id<'gatewayHost'>;
export type AddressPoolId = Id<'addressPool'>;
export type LedgerEntryId = Id<'ledgerEntry'>;
export type AnchorId = Id<'anchor'>;
export type DatasetId = Id<'dataset'>;
export type MigrationId = Id<'migration'>;
export type SegmentId = Id<'segment'>;
export type StorageNodeId = Id<'storageNode'>;
export type OperationId = Id<'operation'>;
export type WebhookId = Id<'webhook'>;
export type RequestId = Id<'request'>;

/** The operator's own rows (its users, keys, pools and nodes) belong to this reserved tenant, whose chain is the system chain. */
export const SYSTEM_TENANT_ID = 'tnt-00000000000000000' as TenantId;

const HEX_DIGITS = 17;

/** A pattern for the ids of one kind, anchored at both ends. */
export function idPattern(kind: ResourceKind): RegExp {
  return new RegExp(`^${ID_PREFIXES[kind]}-[0-9a-f]{${HEX_DIGITS}}$`);
}

const PATTERNS = Object.fromEntries(
  (Object.keys(ID_PREFIXES) as ResourceKind[]).map((kind) => [kind, idPattern(kind)]),
) as Record<ResourceKind, RegExp>;

/** Random bytes of ids are drawn for many at once: a call of the CSPRNG costs more than an id. Ids are no secrets. */
const drawn = new Uint8Array(5 * 512);
const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
let taken = drawn.length;

function nineRandomDigits(): string {
  if (taken === drawn.length) {
    crypto.getRandomValues(drawn);
    taken = 0;
  }
  taken += 5;
  let digits = '';
  for (let at = taken - 5; at < taken; at++) digits += HEX_OF_BYTE[drawn[at]!];
  return digits.slice(0, 9);
}

/** Draws a new id. `now` is in milliseconds since the Unix epoch. */
export function newId<K extends ResourceKind>(kind: K, now: number = Date.now()): Id<K> {
  const seconds = Math.floor(now / 1000)
    .toString(16)
    .padStart(8, '0')
    .slice(-8);
  return `${ID_PREFIXES[kind]}-${seconds}${nineRandomDigits()}` as Id<K>;
}

export function isId<K extends ResourceKind>(kind: K, value: unknown): value is Id<K> {
  return typeof value === 'string' && PATTERNS[kind].test(value);
}

/** @throws InvalidInputError when `value` is not an id of that kind; `pointer` is the JSON pointer of the field. */
export function parseId<K extends ResourceKind>(kind: K, value: unknown, pointer = ''): Id<K> {
  if (isId(kind, value)) return value;
  throw new InvalidInputError([
    {
      pointer,
      rule: `id.${kind}`,
      message: `not an id of a ${kind}`,
      fix: `use an id such as ${ID_PREFIXES[kind]}-0123456789abcdef0`,
    },
  ]);
}
