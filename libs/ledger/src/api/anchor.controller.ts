import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { Endpoint, PathInput, pageView, QueryInput } from '#http';
import type { AnchorId } from '#kernel';
import { AnchorQueries } from '../app/anchor.queries.js';
import type { OpenAnchorFilter } from '../infra/stored-anchor-directory.js';
import * as schemas from './anchor.schemas.js';
import { anchorView } from './anchor.view.js';

/** The anchors of the open log: no account is needed. */
@Controller('v1/ledger/anchors')
export class AnchorController {
  constructor(private readonly queries: AnchorQueries) {}

  @Endpoint({
    method: 'GET',
    summary: 'List the anchors of the log, in the order in which they were made',
    permission: 'public',
    query: schemas.anchorListQuery,
    reply: schemas.anchorPage,
    view: pageView(anchorView),
  })
  list(@QueryInput() { limit, cursor, ...filter }: PageRequest & OpenAnchorFilter) {
    return this.queries.list({ limit, cursor }, filter);
  }

  @Endpoint({
    method: 'GET',
    path: ':anchorId',
    summary: 'Read an anchor: which head of the log is in which transaction of which chain',
    permission: 'public',
    params: schemas.anchorParams,
    reply: schemas.openAnchorSchema,
    view: anchorView,
  })
  get(@PathInput() { anchorId }: { anchorId: AnchorId }) {
    return this.queries.get(anchorId);
  }
}
