import { InvalidInputError } from '#kernel';

/** How much of each kind a tenant may have until the operator says otherwise. */
export const DEFAULT_QUOTAS = {
  vpcs: 5,
  'subnets-per-vpc': 200,
  'route-tables-per-vpc': 200,
  'routes-per-table': 500,
  'cidr-blocks-per-vpc': 5,
  'internet-gateways': 5,
  'elastic-ips': 5,
  'nat-gateways': 20,
  'vpn-gateways': 5,
  'customer-gateways': 50,
  'vpn-connections-per-gateway': 10,
  datasets: 100,
  webhooks: 20,
  users: 100,
  'api-keys': 500,
  'signing-keys': 500,
} as const;

export type Quota = keyof typeof DEFAULT_QUOTAS;

export function isQuota(name: string): name is Quota {
  return Object.hasOwn(DEFAULT_QUOTAS, name);
}

/** @throws InvalidInputError naming the quotas there are. */
export function parseQuota(name: string): Quota {
  if (isQuota(name)) return name;
  throw new InvalidInputError([
    {
      pointer: '/path/quota',
      rule: 'quota.known',
      message: `there is no quota ${JSON.stringify(name)}`,
      fix: `use one of ${Object.keys(DEFAULT_QUOTAS).join(', ')}`,
    },
  ]);
}
