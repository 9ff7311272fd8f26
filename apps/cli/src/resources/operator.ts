import { type Field, type Resource, standard } from './resource.js';

const GATEWAY_HOST: Field[] = [
  { name: 'name', about: 'of the host', required: true },
  { name: 'wireguardPublicKey', about: 'its WireGuard public key', required: true },
  { name: 'endpoint', about: 'host:port where customers reach it', required: true },
];

const hosts = standard({
  noun: 'gateway-host',
  one: 'a gateway host',
  many: 'gateway hosts, on which VPN connections end',
  path: '/v1/system/gateway-hosts',
  id: 'gatewayHostId',
  columns: ['id', 'name', 'endpoint', 'connections', 'createdAt'],
  tagged: false,
  create: GATEWAY_HOST,
  names: { create: 'register' },
  further: [
    {
      name: 'replace',
      about: 'replace the description of a gateway host: rotate its key, move it',
      method: 'PUT',
      path: '/v1/system/gateway-hosts/{gatewayHostId}',
      body: GATEWAY_HOST,
    },
  ],
});

export const OPERATOR: Resource[] = [
  standard({
    noun: 'address-pool',
    one: 'an address pool',
    many: 'address pools of the operator',
    path: '/v1/system/address-pools',
    id: 'addressPoolId',
    columns: ['id', 'name', 'cidrBlock', 'purpose', 'createdAt'],
    tagged: false,
    create: [
      { name: 'name', about: 'of the pool', required: true },
      { name: 'cidrBlock', about: 'the range', required: true },
      { name: 'purpose', about: 'public (elastic IPs) or vpc (ranges of VPCs)', required: true },
    ],
  }),
  hosts,
  standard({
    noun: 'storage-node',
    one: 'a storage node',
    many: 'storage nodes',
    path: '/v1/system/storage-nodes',
    id: 'storageNodeId',
    columns: ['id', 'name', 'location', 'failureDomain', 'weight', 'status'],
    tagged: false,
    create: [
      { name: 'name', about: 'of the node', required: true },
      { name: 'location', about: 'an absolute path', required: true },
      { name: 'failureDomain', about: 'what fails together with it: a host, a rack', required: true },
      { name: 'weight', about: 'its share of the shards', kind: 'integer' },
    ],
    update: [
      { name: 'name', about: 'of the node' },
      { name: 'weight', about: 'its share of the shards', kind: 'integer' },
      { name: 'status', about: 'active or draining' },
    ],
    names: { create: 'register' },
  }),
];
