import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { NotFoundError, type OpContext, type VpcId } from '#kernel';
import { VpcIntentQuery } from '#network';
import { PlanRepository, type StoredPlan } from '../infra/plan.repository.js';

export interface VpcPlan {
  vpcId: string;
  intendedGeneration: number;
  /** Null until the VPC was planned for the first time. */
  plan: StoredPlan | null;
}

/** What a VPC's data plane was brought to, for its tenant. */
@Injectable()
export class VpcPlanQuery {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly intents: VpcIntentQuery,
    private readonly plans: PlanRepository,
  ) {}

  /** @throws NotFoundError */
  get(ctx: OpContext, vpcId: VpcId): Promise<VpcPlan> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'network:read');
      const intent = await this.intents.read(tx, vpcId);
      if (!intent) throw new NotFoundError('vpc', vpcId);
      return { vpcId, intendedGeneration: intent.generation, plan: await this.plans.find(tx, vpcId) };
    });
  }
}
