import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { ElasticIpId, OpContext } from '#kernel';
import { type AllocateElasticIp, AllocateElasticIpService } from '../app/allocate-elastic-ip.service.js';
import { ChangeElasticIpService, type UpdateElasticIp } from '../app/change-elastic-ip.service.js';
import { ElasticIpQueries } from '../app/elastic-ip.queries.js';
import type { ElasticIpFilter } from '../infra/elastic-ip.repository.js';
import * as schemas from './elastic-ip.schemas.js';
import { elasticIpView } from './elastic-ip.view.js';

type ElasticIpPath = { elasticIpId: ElasticIpId };

@Controller('v1/elastic-ips')
export class ElasticIpController {
  constructor(
    private readonly allocateElasticIp: AllocateElasticIpService,
    private readonly changeElasticIp: ChangeElasticIpService,
    private readonly queries: ElasticIpQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Allocate a public address',
    permission: 'network:write',
    body: schemas.allocateElasticIpSchema,
    reply: schemas.changedElasticIpSchema,
    view: elasticIpView,
  })
  allocate(@Op() op: OpContext, @BodyInput() input: AllocateElasticIp) {
    return this.allocateElasticIp.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List elastic IPs',
    permission: 'network:read',
    query: schemas.elasticIpListQuery,
    reply: schemas.elasticIpPage,
    view: pageView(elasticIpView),
  })
  list(@Op() op: OpContext, @QueryInput() { limit, cursor, ...filter }: PageRequest & ElasticIpFilter) {
    return this.queries.list(op, { limit, cursor }, filter);
  }

  @Endpoint({
    method: 'GET',
    path: ':elasticIpId',
    summary: 'Read an elastic IP',
    permission: 'network:read',
    params: schemas.elasticIpParams,
    reply: schemas.elasticIpSchema,
    view: elasticIpView,
  })
  get(@Op() op: OpContext, @PathInput() { elasticIpId }: ElasticIpPath) {
    return this.queries.get(op, elasticIpId);
  }

  @Endpoint({
    method: 'PATCH',
    path: ':elasticIpId',
    summary: "Change an elastic IP's name or tags",
    permission: 'network:write',
    params: schemas.elasticIpParams,
    body: schemas.updateElasticIpSchema,
    reply: schemas.changedElasticIpSchema,
    view: elasticIpView,
  })
  update(@Op() op: OpContext, @PathInput() { elasticIpId }: ElasticIpPath, @BodyInput() input: UpdateElasticIp) {
    return this.changeElasticIp.update(op, elasticIpId, input);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':elasticIpId',
    summary: 'Release an elastic IP that nothing uses',
    permission: 'network:write',
    params: schemas.elasticIpParams,
    reply: schemas.changedElasticIpSchema,
    view: elasticIpView,
  })
  release(@Op() op: OpContext, @PathInput() { elasticIpId }: ElasticIpPath) {
    return this.changeElasticIp.release(op, elasticIpId);
  }
}
