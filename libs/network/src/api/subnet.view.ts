import { parseCidr, usableAddressCount } from '#ip';
import type { Placed } from '../app/placed.js';
import type { SubnetEntity } from '../infra/subnet.entity.js';
import { placedView } from './placed.view.js';

export const subnetView = (placed: Placed<SubnetEntity>) => ({
  id: placed.resource.id,
  vpcId: placed.resource.vpcId,
  name: placed.resource.name,
  zone: placed.resource.zone,
  cidrBlock: placed.resource.cidr,
  ipv6CidrBlock: placed.resource.ipv6Cidr,
  usableAddresses: Number(usableAddressCount(parseCidr(placed.resource.cidr))),
  ...placedView(placed),
});
