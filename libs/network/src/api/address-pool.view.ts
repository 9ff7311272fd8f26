import type { AddressPoolEntity } from '../infra/address-pool.entity.js';

export const addressPoolView = (pool: AddressPoolEntity) => ({
  id: pool.id,
  name: pool.name,
  family: pool.cidr.includes(':') ? 'ipv6' : 'ipv4',
  cidrBlock: pool.cidr,
  purpose: pool.purpose,
  version: pool.version,
  createdAt: pool.createdAt.toISOString(),
});
