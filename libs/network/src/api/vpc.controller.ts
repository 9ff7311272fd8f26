import { Controller } from '@nestjs/common';
import { z } from 'zod';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { OpContext, VpcId } from '#kernel';
import type { StateDocument } from '#topology';
import { ChangeVpcService, type UpdateVpc } from '../app/change-vpc.service.js';
import { type CreateVpc, CreateVpcService } from '../app/create-vpc.service.js';
import { type PlacedVpc, VpcQueries } from '../app/vpc.queries.js';
import { VpcHistoryQuery } from '../app/vpc-history.query.js';
import * as schemas from './vpc.schemas.js';
import { vpcView } from './vpc.view.js';
import { type HistoryInput, topologyQuery, topologySchema, vpcThenSchema } from './vpc-history.schemas.js';
import { stateView } from './vpc-history.view.js';

@Controller('v1/vpcs')
export class VpcController {
  constructor(
    private readonly createVpc: CreateVpcService,
    private readonly changeVpc: ChangeVpcService,
    private readonly queries: VpcQueries,
    private readonly history: VpcHistoryQuery,
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
    summary: 'Read a VPC, as it is or as it was',
    description: 'As it was: from its ledger entries, also when it is gone (docs/time-machine.md).',
    permission: 'network:read',
    params: schemas.vpcParams,
    query: schemas.vpcQuery,
    reply: z.union([schemas.vpcSchema, vpcThenSchema]),
    view: (vpc: PlacedVpc | StateDocument) => ('claims' in vpc ? stateView(vpc) : vpcView(vpc)),
  })
  get(
    @Op() op: OpContext,
    @PathInput() { vpcId }: { vpcId: VpcId },
    @QueryInput() { asOf, receipts }: HistoryInput,
  ): Promise<PlacedVpc | StateDocument> {
    return asOf ? this.history.vpc(op, vpcId, { asOf, receipts }) : this.queries.get(op, vpcId);
  }

  @Endpoint({
    method: 'GET',
    path: ':vpcId/topology',
    summary: 'Everything in a VPC, with the effective routes of each table, as of now or then',
    description:
      'From the ledger entries of the VPC, which the answer names; without asOf also from those that are not in the log yet. ' +
      'Also of a VPC that is gone, as of a time when it was there. `freehold verify` recomputes an answer with receipts.',
    permission: 'network:read',
    params: schemas.vpcParams,
    query: topologyQuery,
    reply: topologySchema,
    view: stateView,
  })
  topology(@Op() op: OpContext, @PathInput() { vpcId }: { vpcId: VpcId }, @QueryInput() input: HistoryInput) {
    return this.history.topology(op, vpcId, input);
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
