import { Controller } from '@nestjs/common';
import { Endpoint, Op, PathInput } from '#http';
import type { OpContext, VpcId } from '#kernel';
import { type VpcPlan, VpcPlanQuery } from '../app/vpc-plan.query.js';
import { vpcPlanParams, vpcPlanSchema } from './vpc-plan.schemas.js';

const vpcPlanView = ({ vpcId, intendedGeneration, plan }: VpcPlan) => ({
  vpcId,
  cell: plan?.cell ?? null,
  generation: plan?.generation ?? 0,
  intendedGeneration,
  digest: plan ? Buffer.from(plan.digest).toString('hex') : null,
  plannedAt: plan?.plannedAt.toISOString() ?? null,
  rows: plan?.rows ?? [],
});

@Controller('v1/vpcs')
export class VpcPlanController {
  constructor(private readonly plans: VpcPlanQuery) {}

  @Endpoint({
    method: 'GET',
    path: ':vpcId/plan',
    summary: "Read the OVN Northbound rows that a VPC's network consists of",
    permission: 'network:read',
    params: vpcPlanParams,
    reply: vpcPlanSchema,
    view: vpcPlanView,
  })
  get(@Op() op: OpContext, @PathInput() { vpcId }: { vpcId: VpcId }) {
    return this.plans.get(op, vpcId);
  }
}
