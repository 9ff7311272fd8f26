import type { Placed } from '../app/placed.js';
import type { InternetGatewayEntity } from '../infra/internet-gateway.entity.js';
import { placedView } from './placed.view.js';

export const internetGatewayView = (placed: Placed<InternetGatewayEntity>) => ({
  id: placed.resource.id,
  name: placed.resource.name,
  vpcId: placed.resource.vpcId,
  attachment: attachmentOf(placed.resource),
  ...placedView(placed),
});

function attachmentOf({ vpcId, detaching }: InternetGatewayEntity): 'detached' | 'attached' | 'detaching' {
  if (vpcId === null) return 'detached';
  return detaching ? 'detaching' : 'attached';
}
