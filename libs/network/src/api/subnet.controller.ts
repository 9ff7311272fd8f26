import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { OpContext, SubnetId } from '#kernel';
import { ChangeSubnetService, type UpdateSubnet } from '../app/change-subnet.service.js';
import { type CreateSubnet, CreateSubnetService } from '../app/create-subnet.service.js';
import { SubnetQueries } from '../app/subnet.queries.js';
import type { SubnetFilter } from '../infra/subnet.repository.js';
import * as schemas from './subnet.schemas.js';
import { subnetView } from './subnet.view.js';

@Controller('v1/subnets')
export class SubnetController {
  constructor(
    private readonly createSubnet: CreateSubnetService,
    private readonly changeSubnet: ChangeSubnetService,
    private readonly queries: SubnetQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Create a subnet in a VPC',
    permission: 'network:write',
    body: schemas.createSubnetSchema,
    reply: schemas.changedSubnetSchema,
    view: subnetView,
  })
  create(@Op() op: OpContext, @BodyInput() input: CreateSubnet) {
    return this.createSubnet.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List subnets',
    permission: 'network:read',
    query: schemas.subnetListQuery,
    reply: schemas.subnetPage,
    view: pageView(subnetView),
  })
  list(@Op() op: OpContext, @QueryInput() { limit, cursor, ...filter }: PageRequest & SubnetFilter) {
    return this.queries.list(op, { limit, cursor }, filter);
  }

  @Endpoint({
    method: 'GET',
    path: ':subnetId',
    summary: 'Read a subnet',
    permission: 'network:read',
    params: schemas.subnetParams,
    reply: schemas.subnetSchema,
    view: subnetView,
  })
  get(@Op() op: OpContext, @PathInput() { subnetId }: { subnetId: SubnetId }) {
    return this.queries.get(op, subnetId);
  }

  @Endpoint({
    method: 'PATCH',
    path: ':subnetId',
    summary: "Change a subnet's name or tags",
    permission: 'network:write',
    params: schemas.subnetParams,
    body: schemas.updateSubnetSchema,
    reply: schemas.changedSubnetSchema,
    view: subnetView,
  })
  update(@Op() op: OpContext, @PathInput() { subnetId }: { subnetId: SubnetId }, @BodyInput() input: UpdateSubnet) {
    return this.changeSubnet.update(op, subnetId, input);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':subnetId',
    summary: 'Delete a subnet that nothing uses',
    permission: 'network:write',
    params: schemas.subnetParams,
    reply: schemas.changedSubnetSchema,
    view: subnetView,
  })
  delete(@Op() op: OpContext, @PathInput() { subnetId }: { subnetId: SubnetId }) {
    return this.changeSubnet.delete(op, subnetId);
  }
}
