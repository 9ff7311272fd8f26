import { Controller, Headers, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { PageRequest } from '#database';
import { Endpoint, Op, PathInput, pageView, QueryInput, sendEventStream } from '#http';
import type { OpContext, OperationId } from '#kernel';
import { OperationQueries } from '../app/operation.queries.js';
import { WatchOperationService } from '../app/watch-operation.service.js';
import type { OperationFilter } from '../infra/operation.repository.js';
import * as schemas from './operation.schemas.js';
import { operationView } from './operation.view.js';

interface InOperation {
  operationId: OperationId;
}

@Controller('v1/operations')
export class OperationController {
  constructor(
    private readonly queries: OperationQueries,
    private readonly watch: WatchOperationService,
  ) {}

  @Endpoint({
    method: 'GET',
    summary: 'List operations, in the order in which they were started',
    permission: 'operation:read',
    query: schemas.operationListQuery,
    reply: schemas.operationPage,
    view: pageView(operationView),
  })
  list(@Op() op: OpContext, @QueryInput() { limit, cursor, ...filter }: PageRequest & OperationFilter) {
    return this.queries.list(op, { limit, cursor }, filter);
  }

  @Endpoint({
    method: 'GET',
    path: ':operationId',
    summary: 'Read an operation and how far it is',
    permission: 'operation:read',
    params: schemas.operationParams,
    reply: schemas.operationSchema,
    view: operationView,
  })
  get(@Op() op: OpContext, @PathInput() { operationId }: InOperation) {
    return this.queries.operation(op, operationId);
  }

  @Endpoint({
    method: 'GET',
    path: ':operationId/events',
    summary: 'Watch an operation: server-sent events until it is finished',
    description:
      'Each event is named `operation`, its data is the operation as in the read, its id is the version. Last-Event-ID resumes: nothing is sent again, and 204 says that the end has been seen. Comments keep a quiet stream alive. A stream ends after ten minutes at the latest; come again.',
    permission: 'operation:read',
    params: schemas.operationParams,
    produces: 'text/event-stream',
  })
  async events(
    @Op() op: OpContext,
    @PathInput() { operationId }: InOperation,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ) {
    const stream = await this.watch.execute(op, operationId, operationView, lastEventId);
    if (stream === null) {
      await reply.status(204).send();
      return;
    }
    await sendEventStream(reply, stream);
  }
}
