import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import type { OpContext, RouteTableAssociationId } from '#kernel';
import { type RealizationOfVpc, type ResourceState, resourceState } from '../domain/resource-state.js';
import type { RouteTableAssociationEntity } from '../infra/route-table-association.entity.js';
import { RouteTableAssociationRepository } from '../infra/route-table-association.repository.js';
import { VpcRepository } from '../infra/vpc.repository.js';

/** An association as it stands in its VPC; it has no tags and no state of going: it is there or it is not. */
export interface PlacedAssociation {
  resource: RouteTableAssociationEntity;
  state: ResourceState;
  failure: string | null;
}

export function placedAssociation(vpc: RealizationOfVpc, resource: RouteTableAssociationEntity): PlacedAssociation {
  const state = resourceState({ deleting: false, changedGeneration: resource.changedGeneration }, vpc);
  return { resource, state, failure: state === 'failed' ? vpc.failure : null };
}

@Injectable()
export class RouteTableAssociationQuery {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly associations: RouteTableAssociationRepository,
    private readonly vpcs: VpcRepository,
  ) {}

  get(ctx: OpContext, id: RouteTableAssociationId): Promise<PlacedAssociation> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      const association = await this.associations.get(tx, ctx.tenantId, id);
      return placedAssociation(await this.vpcs.get(tx, ctx.tenantId, association.vpcId), association);
    });
  }
}
