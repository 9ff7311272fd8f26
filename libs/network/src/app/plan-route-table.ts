import { newId, type TenantId, type VpcId } from '#kernel';
import { RouteTableEntity } from '../infra/route-table.entity.js';

/** A new route table of a VPC at the VPC's current generation. */
export function planRouteTable(
  vpc: { tenantId: TenantId; id: VpcId; generation: number },
  { isMain, name }: { isMain: boolean; name: string | null },
  now: Date,
): RouteTableEntity {
  return Object.assign(new RouteTableEntity(), {
    tenantId: vpc.tenantId,
    id: newId('routeTable', now.getTime()),
    vpcId: vpc.id,
    name,
    isMain,
    changedGeneration: vpc.generation,
    deleting: false,
    version: 1,
    createdAt: now,
  });
}
