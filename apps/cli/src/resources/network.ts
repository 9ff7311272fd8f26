import { type Field, NAME, type Resource, standard, TAGS, type Verb } from './resource.js';

const VPC: Field = { name: 'vpcId', about: 'only those of this VPC' };
const IN_VPC: Field = { name: 'vpcId', about: 'the VPC', required: true };

/** Of the past (docs/time-machine.md). */
const AS_OF: Field[] = [
  { name: 'asOf', about: 'as it was: behind a ledger entry (led-...), behind an index of the log, or at a time' },
  { name: 'receipts', about: 'with the entries that prove the answer, for "freehold verify"', kind: 'boolean' },
];

const attachment = (noun: string, path: string, id: string): Verb[] =>
  (['attach', 'detach'] as const).map((name) => ({
    name,
    about: `${name} ${noun} ${name === 'attach' ? 'to' : 'from'} a VPC`,
    method: 'POST',
    path: `${path}/{${id}}/${name}`,
    body: [IN_VPC],
    dangerous: name === 'detach',
  }));

const REMOTE_PREFIXES: Field = {
  name: 'remotePrefixes',
  option: 'remote-prefix',
  about: 'what lies behind the customer gateway; may be repeated',
  kind: 'list',
  required: true,
};

const ROUTE_TARGET: Field[] = [
  { name: 'destinationCidrBlock', about: 'where the packets go', required: true },
  { name: 'internetGatewayId', about: 'send them to this internet gateway' },
  { name: 'natGatewayId', about: 'send them to this NAT gateway' },
  { name: 'vpnGatewayId', about: 'send them to this VPN gateway' },
];
const ROUTES = '/v1/route-tables/{routeTableId}/routes';

export const NETWORK: Resource[] = [
  standard({
    noun: 'vpc',
    one: 'a VPC',
    many: 'VPCs',
    path: '/v1/vpcs',
    id: 'vpcId',
    columns: ['id', 'name', 'cidrBlock', 'ipv6CidrBlock', 'state', 'realization', 'createdAt'],
    create: [
      { name: 'cidrBlock', about: 'IPv4, /16 to /28, private or from a pool of the operator', required: true },
      { name: 'ipv6CidrBlock', about: 'IPv6, /44 to /60 in steps of 4, unique local or from a pool' },
    ],
    reading: AS_OF,
    further: [
      {
        name: 'topology',
        about: 'read everything in a VPC with the effective routes, as of now or then',
        method: 'GET',
        path: '/v1/vpcs/{vpcId}/topology',
        query: AS_OF,
      },
      {
        name: 'plan',
        about: "read the OVN Northbound rows that a VPC's network consists of",
        method: 'GET',
        path: '/v1/vpcs/{vpcId}/plan',
      },
      {
        name: 'set-main-route-table',
        about: 'make another route table the main one',
        method: 'PUT',
        path: '/v1/vpcs/{vpcId}/main-route-table',
        body: [{ name: 'routeTableId', about: 'the table', required: true }],
      },
    ],
  }),
  {
    noun: 'cidr-block',
    aliases: ['cidr-blocks'],
    about: 'further address blocks of a VPC',
    verbs: [
      {
        name: 'add',
        aliases: ['create'],
        about: 'add a block to a VPC',
        method: 'POST',
        path: '/v1/vpcs/{vpcId}/cidr-blocks',
        body: [{ name: 'cidrBlock', about: 'the block', required: true }],
      },
      {
        name: 'remove',
        aliases: ['delete'],
        about: 'take a block away that no subnet uses; the primary one stays',
        method: 'DELETE',
        path: '/v1/vpcs/{vpcId}/cidr-blocks/{cidrBlockId}',
        dangerous: true,
      },
    ],
  },
  standard({
    noun: 'subnet',
    one: 'a subnet',
    many: 'subnets',
    path: '/v1/subnets',
    id: 'subnetId',
    columns: ['id', 'name', 'vpcId', 'cidrBlock', 'zone', 'usableAddresses', 'state'],
    create: [
      IN_VPC,
      { name: 'cidrBlock', about: 'IPv4, within a block of the VPC', required: true },
      { name: 'ipv6CidrBlock', about: 'IPv6, a /64 within the block of the VPC' },
      { name: 'zone', about: 'the zone, such as zone-1', required: true },
    ],
    filters: [VPC, { name: 'zone', about: 'only those of this zone' }],
  }),
  standard({
    noun: 'route-table',
    one: 'a route table',
    many: 'route tables',
    path: '/v1/route-tables',
    id: 'routeTableId',
    columns: [
      'id',
      'name',
      'vpcId',
      'main',
      { title: 'subnets', of: (row) => row.associations.map((one: { subnetId: string }) => one.subnetId) },
      'state',
    ],
    create: [IN_VPC],
    filters: [VPC, { name: 'main', about: 'only main tables, or only others', kind: 'boolean' }],
    further: [
      {
        name: 'effective-routes',
        about: 'explain what the routes of a table amount to, and which one takes a packet',
        method: 'GET',
        path: '/v1/route-tables/{routeTableId}/effective-routes',
        query: [{ name: 'address', about: 'the address that a packet goes to' }, ...AS_OF],
      },
    ],
  }),
  {
    noun: 'route',
    aliases: ['routes'],
    about: 'routes of a route table',
    verbs: [
      {
        name: 'add',
        aliases: ['create'],
        about: 'add a static route',
        method: 'POST',
        path: ROUTES,
        body: ROUTE_TARGET,
      },
      { name: 'replace', about: 'point a route at another target', method: 'PUT', path: ROUTES, body: ROUTE_TARGET },
      {
        name: 'delete',
        aliases: ['remove'],
        about: 'delete a static route',
        method: 'DELETE',
        path: ROUTES,
        query: [{ name: 'destinationCidrBlock', about: 'of the route', required: true }],
        dangerous: true,
      },
    ],
  },
  {
    noun: 'route-table-association',
    aliases: ['association', 'associations'],
    about: 'which table routes a subnet',
    verbs: [
      {
        name: 'create',
        about: 'let a table route a subnet',
        method: 'POST',
        path: '/v1/route-tables/{routeTableId}/associations',
        body: [{ name: 'subnetId', about: 'the subnet', required: true }],
      },
      {
        name: 'get',
        aliases: ['show'],
        about: 'read an association',
        method: 'GET',
        path: '/v1/route-table-associations/{associationId}',
      },
      {
        name: 'replace',
        about: 'move a subnet to another table',
        method: 'PUT',
        path: '/v1/route-table-associations/{associationId}',
        body: [{ name: 'routeTableId', about: 'the table', required: true }],
      },
      {
        name: 'delete',
        about: 'let the main table route the subnet again',
        method: 'DELETE',
        path: '/v1/route-table-associations/{associationId}',
        dangerous: true,
      },
    ],
  },
  {
    noun: 'route-propagation',
    aliases: ['propagation', 'propagations'],
    about: 'routes that a table takes from the VPN gateway',
    verbs: [
      {
        name: 'enable',
        aliases: ['create'],
        about: 'take the routes that the VPN gateway has learnt',
        method: 'POST',
        path: '/v1/route-tables/{routeTableId}/propagations',
        body: [{ name: 'vpnGatewayId', about: 'the gateway', required: true }],
      },
      {
        name: 'disable',
        aliases: ['delete'],
        about: 'take them no longer',
        method: 'DELETE',
        path: '/v1/route-tables/{routeTableId}/propagations/{vpnGatewayId}',
        dangerous: true,
      },
    ],
  },
  standard({
    noun: 'internet-gateway',
    one: 'an internet gateway',
    many: 'internet gateways',
    path: '/v1/internet-gateways',
    id: 'internetGatewayId',
    columns: ['id', 'name', 'vpcId', 'attachment', 'state'],
    create: [{ name: 'vpcId', about: 'attach it to this VPC at once' }],
    filters: [VPC],
    further: attachment('an internet gateway', '/v1/internet-gateways', 'internetGatewayId'),
  }),
  standard({
    noun: 'elastic-ip',
    one: 'an elastic IP',
    many: 'elastic IPs',
    path: '/v1/elastic-ips',
    id: 'elasticIpId',
    columns: [
      'id',
      'name',
      'address',
      'poolId',
      { title: 'usedBy', of: (row) => row.association?.natGatewayId },
      'state',
    ],
    create: [],
    filters: [{ name: 'address', about: 'only the one of this address' }],
    names: { create: 'allocate', delete: 'release' },
  }),
  standard({
    noun: 'nat-gateway',
    one: 'a NAT gateway',
    many: 'NAT gateways',
    path: '/v1/nat-gateways',
    id: 'natGatewayId',
    columns: ['id', 'name', 'vpcId', 'subnetId', 'privateAddress', 'publicAddress', 'state'],
    create: [
      { name: 'subnetId', about: 'the public subnet that it stands in', required: true },
      { name: 'elasticIpId', about: 'its public address', required: true },
    ],
    filters: [VPC, { name: 'subnetId', about: 'only those in this subnet' }],
  }),
  standard({
    noun: 'vpn-gateway',
    one: 'a VPN gateway',
    many: 'VPN gateways',
    path: '/v1/vpn-gateways',
    id: 'vpnGatewayId',
    columns: ['id', 'name', 'vpcId', 'attachment', 'state'],
    create: [{ name: 'vpcId', about: 'attach it to this VPC at once' }],
    filters: [VPC],
    further: attachment('a VPN gateway', '/v1/vpn-gateways', 'vpnGatewayId'),
  }),
  standard({
    noun: 'customer-gateway',
    one: 'a customer gateway',
    many: 'customer gateways',
    path: '/v1/customer-gateways',
    id: 'customerGatewayId',
    columns: ['id', 'name', 'address', 'asn', 'state'],
    create: [
      { name: 'address', about: "public address of the customer's end", required: true },
      { name: 'wireguardPublicKey', about: "WireGuard public key of the customer's end" },
      { name: 'asn', about: 'autonomous system number', kind: 'integer' },
    ],
  }),
  standard({
    noun: 'vpn-connection',
    one: 'a VPN connection',
    many: 'VPN connections',
    path: '/v1/vpn-connections',
    id: 'vpnConnectionId',
    columns: ['id', 'name', 'vpcId', 'customerGatewayId', 'remotePrefixes', 'gatewayEndpoint', 'state'],
    create: [
      { name: 'vpnGatewayId', about: 'the end in the cloud', required: true },
      { name: 'customerGatewayId', about: "the customer's end", required: true },
      REMOTE_PREFIXES,
      { name: 'tunnelBlock', about: 'a /30 of 169.254.0.0/16 for the tunnel; chosen when absent' },
    ],
    update: [NAME, TAGS, { ...REMOTE_PREFIXES, required: false }],
    filters: [
      VPC,
      { name: 'vpnGatewayId', about: 'only those of this VPN gateway' },
      { name: 'customerGatewayId', about: 'only those to this customer gateway' },
    ],
    further: [
      {
        name: 'config',
        about: "take the configuration of the customer's end, with the pre-shared key",
        method: 'POST',
        path: '/v1/vpn-connections/{vpnConnectionId}/customer-configuration',
        query: [{ name: 'format', about: 'wg-quick' }],
        textMember: 'configuration',
      },
    ],
  }),
];
