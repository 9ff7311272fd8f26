import {
  as,
  asSet,
  type EffectField,
  instant,
  listed,
  oneLess,
  target,
  untold,
  was,
  webAddress,
} from './effect-fields.js';

/**
 * What each change of the API must have recorded. A value of the request (of its path, query or body) that has no field here
 * must be the record's member of the same name. A test holds the list against the API's description: a change without a rule
 * cannot be audited.
 */
export interface EffectRule {
  /** `POST /v1/subnets`; ids of the path in braces. */
  route: string;
  /** The entry of what was asked for; null when the route records nothing. */
  action: string | null;
  /** The type of the resource. */
  type: string;
  /** The resource's id, made of what the request names; absent when the service draws it. */
  id?: string;
  /** Whether the record came, was changed, went, or only says what was done. */
  kind: 'created' | 'changed' | 'deleted' | 'noted';
  fields?: Record<string, EffectField>;
  /** Members of the record that the route gives these values. */
  sets?: Record<string, boolean>;
  /** Members of a changed record that the service decides. All others stay as they were. */
  moves?: readonly string[];
  /** Actions of entries about what came with it, one of each. */
  along?: readonly string[];
  /** The action of the entry about what went with it, one of them: the member of its record names the id of the path. */
  takes?: { action: string; member: string };
  /** The request's content is a secret, and no evidence shows it. That of any other request has to be there. */
  secretBody?: boolean;
}

type Details = Omit<EffectRule, 'route' | 'action' | 'type' | 'kind'>;

const rule =
  (kind: EffectRule['kind']) =>
  (route: string, action: string, details: Details & { type?: string } = {}): EffectRule => ({
    route,
    action,
    type: action.slice(0, action.lastIndexOf('.')),
    ...(kind === 'created' ? {} : { id: lastId(route) }),
    kind,
    ...details,
  });

const created = rule('created');
const changed = rule('changed');
const deleted = rule('deleted');
const noted = rule('noted');

/** The last id of the path, which names the resource. */
function lastId(route: string): string | undefined {
  return /\{\w+\}(?!.*\{)/.exec(route)?.[0];
}

const TENANT = '/v1/system/tenants/{tenantId}';
const ROUTES = '/v1/route-tables/{routeTableId}/routes';
const ROUTE = {
  id: '{routeTableId}/{destinationCidrBlock}',
  fields: {
    internetGatewayId: target('internet-gateway'),
    natGatewayId: target('nat-gateway'),
    vpnGatewayId: target('vpn-gateway'),
  },
};
const MIGRATION = '/v1/migrations/{migrationId}';
const MOVES = { moves: ['state', 'reason'] };

const WEBHOOK_FIELDS = { url: as('url', webAddress), events: asSet('events'), actionPrefixes: asSet('actionPrefixes') };

export const EFFECT_RULES: readonly EffectRule[] = [
  // Who may do what.
  created('POST /v1/users', 'user.created'),
  changed('PATCH /v1/users/{userId}', 'user.updated'),
  deleted('DELETE /v1/users/{userId}', 'user.deleted'),
  created('POST /v1/api-keys', 'api-key.created', { fields: { expiresAt: as('expiresAt', instant) } }),
  changed('DELETE /v1/api-keys/{keyId}', 'api-key.revoked', { moves: ['revokedAt'] }),
  created('POST /v1/signing-keys', 'signing-key.enrolled', { id: '{id}' }),
  changed('DELETE /v1/signing-keys/{keyId}', 'signing-key.revoked', { moves: ['revokedAt'] }),
  noted('PUT /v1/tenant/signature-policy', 'signature-policy.set', { id: undefined }),
  created('POST /v1/system/tenants', 'tenant.created', {
    fields: { viewKey: untold },
    along: ['tenant.genesis', 'user.created', 'api-key.created'],
    secretBody: true,
  }),
  changed(`POST ${TENANT}/suspend`, 'tenant.suspended', { sets: { suspended: true } }),
  changed(`POST ${TENANT}/resume`, 'tenant.resumed', { sets: { suspended: false } }),
  deleted(`DELETE ${TENANT}`, 'tenant.deleted'),
  noted(`PUT ${TENANT}/quotas/{quota}`, 'quota.set', { id: '{tenantId}/{quota}' }),

  // Networks.
  created('POST /v1/vpcs', 'vpc.created', {
    fields: { cidrBlock: listed('cidrBlocks'), ipv6CidrBlock: listed('cidrBlocks') },
    along: ['route-table.created'],
  }),
  changed('PATCH /v1/vpcs/{vpcId}', 'vpc.updated'),
  deleted('DELETE /v1/vpcs/{vpcId}', 'vpc.deleted'),
  changed('POST /v1/vpcs/{vpcId}/cidr-blocks', 'vpc.cidr-block-added', {
    fields: { cidrBlock: listed('cidrBlocks') },
  }),
  changed('DELETE /v1/vpcs/{vpcId}/cidr-blocks/{cidrBlockId}', 'vpc.cidr-block-removed', {
    id: '{vpcId}',
    fields: { cidrBlockId: oneLess('cidrBlocks') },
  }),
  changed('PUT /v1/vpcs/{vpcId}/main-route-table', 'vpc.main-route-table-replaced', {
    fields: { routeTableId: as('mainRouteTableId') },
  }),
  created('POST /v1/subnets', 'subnet.created'),
  changed('PATCH /v1/subnets/{subnetId}', 'subnet.updated'),
  deleted('DELETE /v1/subnets/{subnetId}', 'subnet.deleted', {
    takes: { action: 'route-table-association.deleted', member: 'subnetId' },
  }),
  created('POST /v1/route-tables', 'route-table.created'),
  changed('PATCH /v1/route-tables/{routeTableId}', 'route-table.updated'),
  deleted('DELETE /v1/route-tables/{routeTableId}', 'route-table.deleted'),
  created(`POST ${ROUTES}`, 'route.created', ROUTE),
  changed(`PUT ${ROUTES}`, 'route.replaced', ROUTE),
  deleted(`DELETE ${ROUTES}`, 'route.deleted', { id: ROUTE.id }),
  created('POST /v1/route-tables/{routeTableId}/associations', 'route-table-association.created'),
  changed('PUT /v1/route-table-associations/{associationId}', 'route-table-association.replaced'),
  deleted('DELETE /v1/route-table-associations/{associationId}', 'route-table-association.deleted'),
  changed('POST /v1/route-tables/{routeTableId}/propagations', 'route-propagation.enabled', {
    id: '{routeTableId}/{vpnGatewayId}',
    sets: { enabled: true },
  }),
  changed('DELETE /v1/route-tables/{routeTableId}/propagations/{vpnGatewayId}', 'route-propagation.disabled', {
    id: '{routeTableId}/{vpnGatewayId}',
    sets: { enabled: false },
  }),
  created('POST /v1/internet-gateways', 'internet-gateway.created'),
  changed('PATCH /v1/internet-gateways/{internetGatewayId}', 'internet-gateway.updated'),
  deleted('DELETE /v1/internet-gateways/{internetGatewayId}', 'internet-gateway.deleted'),
  changed('POST /v1/internet-gateways/{internetGatewayId}/attach', 'internet-gateway.attached'),
  changed('POST /v1/internet-gateways/{internetGatewayId}/detach', 'internet-gateway.detached', {
    fields: { vpcId: was('vpcId') },
  }),
  created('POST /v1/nat-gateways', 'nat-gateway.created'),
  changed('PATCH /v1/nat-gateways/{natGatewayId}', 'nat-gateway.updated'),
  deleted('DELETE /v1/nat-gateways/{natGatewayId}', 'nat-gateway.deleted'),
  created('POST /v1/elastic-ips', 'elastic-ip.allocated'),
  changed('PATCH /v1/elastic-ips/{elasticIpId}', 'elastic-ip.updated'),
  deleted('DELETE /v1/elastic-ips/{elasticIpId}', 'elastic-ip.released'),

  // Links to the tenant's own data centre.
  created('POST /v1/vpn-gateways', 'vpn-gateway.created'),
  changed('PATCH /v1/vpn-gateways/{vpnGatewayId}', 'vpn-gateway.updated'),
  deleted('DELETE /v1/vpn-gateways/{vpnGatewayId}', 'vpn-gateway.deleted'),
  changed('POST /v1/vpn-gateways/{vpnGatewayId}/attach', 'vpn-gateway.attached'),
  changed('POST /v1/vpn-gateways/{vpnGatewayId}/detach', 'vpn-gateway.detached', { fields: { vpcId: was('vpcId') } }),
  created('POST /v1/customer-gateways', 'customer-gateway.created'),
  changed('PATCH /v1/customer-gateways/{customerGatewayId}', 'customer-gateway.updated'),
  deleted('DELETE /v1/customer-gateways/{customerGatewayId}', 'customer-gateway.deleted'),
  created('POST /v1/vpn-connections', 'vpn-connection.created', {
    fields: { remotePrefixes: asSet('remotePrefixes') },
  }),
  changed('PATCH /v1/vpn-connections/{vpnConnectionId}', 'vpn-connection.updated', {
    fields: { remotePrefixes: asSet('remotePrefixes') },
  }),
  deleted('DELETE /v1/vpn-connections/{vpnConnectionId}', 'vpn-connection.deleted'),
  noted('POST /v1/vpn-connections/{vpnConnectionId}/customer-configuration', 'vpn-connection.configuration-downloaded'),

  // Data.
  created('POST /v1/datasets', 'dataset.created'),
  deleted('DELETE /v1/datasets/{datasetId}', 'dataset.deleted'),
  changed('PUT /v1/datasets/{datasetId}/key', 'dataset.key-set', {
    fields: {
      format: untold,
      v: untold,
      dataset: untold,
      wrapped: untold,
      signature: untold,
      signer: as('keySigner'),
    },
  }),
  created('POST /v1/migrations', 'migration.created'),
  changed(`POST ${MIGRATION}/start`, 'migration.started', MOVES),
  changed(`POST ${MIGRATION}/pause`, 'migration.paused', MOVES),
  changed(`POST ${MIGRATION}/resume`, 'migration.resumed', MOVES),
  changed(`POST ${MIGRATION}/cancel`, 'migration.cancelled', MOVES),
  // Once in a move, when the first segments are wanted.
  changed(`POST ${MIGRATION}/segments`, 'migration.upload-begun', {
    fields: { segments: untold, scanned: untold },
    moves: ['state'],
  }),
  changed(`PUT ${MIGRATION}/manifest`, 'migration.manifest-submitted', {
    fields: { statement: untold, signature: untold },
    moves: ['state', 'manifestVersion'],
  }),

  // The record itself.
  noted('POST /v1/ledger/entries/{entryId}/erasures', 'ledger-entry.erased'),
  created('POST /v1/ledger/disclosures', 'disclosure.created'),

  // Who is told of the record.
  created('POST /v1/webhooks', 'webhook.created', { fields: WEBHOOK_FIELDS }),
  changed('PATCH /v1/webhooks/{webhookId}', 'webhook.updated', { fields: WEBHOOK_FIELDS, moves: ['disabledReason'] }),
  deleted('DELETE /v1/webhooks/{webhookId}', 'webhook.deleted'),
  noted('POST /v1/webhooks/{webhookId}/test', 'webhook.tested'),
  noted('POST /v1/webhooks/{webhookId}/replay', 'webhook.replayed'),
  changed('POST /v1/webhooks/{webhookId}/rotate-secret', 'webhook.secret-rotated', {
    fields: { overlapHours: untold },
    moves: ['secretVersion', 'previousSecretValidUntil'],
  }),

  // The operator's own.
  noted(`POST ${TENANT}/break-glass`, 'break-glass.read', { type: 'tenant' }),
  noted('POST /v1/system/log/keys', 'log-key.rotated', { id: undefined }),
  created('POST /v1/system/address-pools', 'address-pool.created'),
  deleted('DELETE /v1/system/address-pools/{addressPoolId}', 'address-pool.deleted'),
  created('POST /v1/system/gateway-hosts', 'gateway-host.registered'),
  changed('PUT /v1/system/gateway-hosts/{gatewayHostId}', 'gateway-host.updated'),
  deleted('DELETE /v1/system/gateway-hosts/{gatewayHostId}', 'gateway-host.deleted'),
  created('POST /v1/system/storage-nodes', 'storage-node.registered'),
  changed('PATCH /v1/system/storage-nodes/{storageNodeId}', 'storage-node.updated'),
  deleted('DELETE /v1/system/storage-nodes/{storageNodeId}', 'storage-node.deleted'),
];
