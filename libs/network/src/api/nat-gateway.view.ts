import type { Placed } from '../app/placed.js';
import type { NatGatewayEntity } from '../infra/nat-gateway.entity.js';
import { placedView } from './placed.view.js';

export const natGatewayView = (placed: Placed<NatGatewayEntity>) => ({
  id: placed.resource.id,
  vpcId: placed.resource.vpcId,
  subnetId: placed.resource.subnetId,
  elasticIpId: placed.resource.elasticIpId,
  privateAddress: placed.resource.privateAddress,
  publicAddress: placed.resource.publicAddress,
  name: placed.resource.name,
  ...placedView(placed),
});
