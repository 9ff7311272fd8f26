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

  @Endpoint({
    method: 'GET',
    path: ':anchorId/proof',
    summary: "What proves an anchor offline: the contract's storage in the state of its block",
    description: 'Format: docs/formats/anchor-proof-v1.md.',
    permission: 'public',
    params: schemas.anchorParams,
    reply: schemas.anchorProofSchema,
  })
  proof(@PathInput() { anchorId }: { anchorId: AnchorId }) {
    return this.queries.proof(anchorId);
  }
}

/** Anchors that are to come. No account is needed: who waits for one shall be able to hold the operator to it. */
@Controller('v1/ledger/anchor-promise')
export class AnchorPromiseController {
  constructor(private readonly queries: AnchorQueries) {}

  @Endpoint({
    method: 'GET',
    summary: "A signer's promise that the head which covers a leaf will be anchored, while it is not",
    description:
      'One that is not kept disables its signer in the contract: `freehold ledger report-broken-promise`. Format: docs/formats/anchor-promise-v1.md.',
    permission: 'public',
    query: schemas.anchorPromiseQuery,
    reply: schemas.anchorPromiseSchema,
  })
  get(@QueryInput() { index }: { index: number }) {
    return this.queries.promise(index);
  }
}
