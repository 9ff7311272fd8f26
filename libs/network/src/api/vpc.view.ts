import type { PlacedVpc } from '../app/vpc.queries.js';
import { resourceState } from '../domain/resource-state.js';
import { placedView } from './placed.view.js';

export const vpcView = (placed: PlacedVpc) => ({
  id: placed.resource.id,
  name: placed.resource.name,
  cidrBlock: placed.blocks.find((block) => block.isPrimary)?.cidr ?? '',
  ipv6CidrBlock: placed.blocks.find((block) => block.cidr.includes(':') && !block.deleting)?.cidr ?? null,
  cidrBlocks: placed.blocks.map((block) => ({
    id: block.id,
    cidrBlock: block.cidr,
    primary: block.isPrimary,
    state: resourceState(block, placed.resource),
  })),
  mainRouteTableId: placed.mainRouteTableId,
  generation: placed.resource.generation,
  realizedGeneration: placed.resource.realizedGeneration,
  realization: placed.resource.realization,
  ...placedView(placed),
});
