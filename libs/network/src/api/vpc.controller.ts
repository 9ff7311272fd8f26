import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { OpContext, VpcId } from '#kernel';
import { ChangeVpcService, type UpdateVpc } from '../app/change-vpc.service.js';
import { type CreateVpc, CreateVpcService } from '../app/create-vpc.service.js';
import { VpcQueries } from '../app/vpc.queries.js';
import * as schemas from './vpc.schemas.js';
import { vpcView } from './vpc.view.js';

@Controller('v1/vpcs')
export class VpcController {
  constructor(
    private readonly createVpc: CreateVpcService,
    private readonly changeVpc: ChangeVpcService,
    private readonly queries: VpcQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Create a VPC',
    permission: 'network:write',
    body: schemas.createVpcSchema,
    reply: schemas.changedVpcSchema,
    view: vpcView,
  })
  create(@Op() op: OpContext, @BodyInput() input: CreateVpc) {
    return this.createVpc.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List VPCs',
    permission: 'network:read',
    query: schemas.vpcListQuery,
    reply: schemas.vpcPage,
    view: pageView(vpcView),
  })
  list(@Op() op: OpContext, @QueryInput() { tag, ...page }: PageRequest & { tag: string[] }) {
    return this.queries.list(op, page, tag);
  }

  @Endpoint({
    method: 'GET',
    path: ':vpcId',
    summary: 'Read a VPC',
    permission: 'network:read',
    params: schemas.vpcParams,
    reply: schemas.vpcSchema,
    view: vpcView,
  })
  get(@Op() op: OpContext, @PathInput() { vpcId }: { vpcId: VpcId }) {
    return this.queries.get(op, vpcId);
  }

  @Endpoint({
    method: 'PATCH',
    path: ':vpcId',
    summary: "Change a VPC's name or tags",
    permission: 'network:write',
    params: schemas.vpcParams,
    body: schemas.updateVpcSchema,
    reply: schemas.changedVpcSchema,
    view: vpcView,
  })
  update(@Op() op: OpContext, @PathInput() { vpcId }: { vpcId: VpcId }, @BodyInput() input: UpdateVpc) {
    return this.changeVpc.update(op, vpcId, input);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':vpcId',
    summary: 'Delete an empty VPC',
    permission: 'network:write',
    params: schemas.vpcParams,
    reply: schemas.changedVpcSchema,
    view: vpcView,
  })
  delete(@Op() op: OpContext, @PathInput() { vpcId }: { vpcId: VpcId }) {
    return this.changeVpc.delete(op, vpcId);
  }
}
