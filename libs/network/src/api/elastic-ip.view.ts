import type { PlacedElasticIp } from '../app/elastic-ip.queries.js';
import { placedView } from './placed.view.js';

export const elasticIpView = (placed: PlacedElasticIp) => ({
  id: placed.resource.id,
  address: placed.resource.address,
  poolId: placed.resource.poolId,
  name: placed.resource.name,
  association: placed.holder && { natGatewayId: placed.holder.id, vpcId: placed.holder.vpcId },
  ...placedView(placed),
});
