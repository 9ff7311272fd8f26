import { Readable } from 'node:stream';
import { Controller, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { PageRequest } from '#database';
import { Endpoint, Op, PathInput, pageView, QueryInput } from '#http';
import type { LedgerEntryId, OpContext } from '#kernel';
import { ExportBundleService } from '../app/export-bundle.service.js';
import { type EntryListFilter, LedgerEntryQueries } from '../app/ledger-entry.queries.js';
import * as schemas from './ledger-entry.schemas.js';
import { ledgerEntryView } from './ledger-entry.view.js';

@Controller('v1/ledger')
export class LedgerEntryController {
  constructor(
    private readonly queries: LedgerEntryQueries,
    private readonly bundles: ExportBundleService,
  ) {}

  @Endpoint({
    method: 'GET',
    path: 'entries',
    summary: "List the tenant's ledger entries, in the order of its chain",
    description:
      'Filters can be combined. An entry appears once it is in the log, within a second; with includePending before that, too, ' +
      'and GET by its id works from the moment of the change. A page of a search through much may hold fewer entries than ' +
      'its limit, or none: the list ends where nextCursor is null.',
    permission: 'ledger:read',
    query: schemas.ledgerEntryListQuery,
    reply: schemas.ledgerEntryPage,
    view: pageView(ledgerEntryView),
  })
  list(@Op() op: OpContext, @QueryInput() { limit, cursor, ...filter }: PageRequest & EntryListFilter) {
    return this.queries.list(op, { limit, cursor }, filter);
  }

  @Endpoint({
    method: 'GET',
    path: 'entries/:entryId',
    summary: 'Read a ledger entry',
    permission: 'ledger:read',
    params: schemas.ledgerEntryParams,
    reply: schemas.ledgerEntrySchema,
    view: ledgerEntryView,
  })
  get(@Op() op: OpContext, @PathInput() { entryId }: { entryId: LedgerEntryId }) {
    return this.queries.get(op, entryId);
  }

  @Endpoint({
    method: 'GET',
    path: 'entries/:entryId/receipt',
    summary: 'The receipt of a ledger entry: everything that proves it offline',
    description: 'Verify it with `freehold verify <file>`. Format: docs/formats/receipt-v2.md.',
    permission: 'ledger:read',
    params: schemas.ledgerEntryParams,
    reply: schemas.receiptSchema,
  })
  receipt(@Op() op: OpContext, @PathInput() { entryId }: { entryId: LedgerEntryId }) {
    return this.queries.receipt(op, entryId);
  }

  @Endpoint({
    method: 'GET',
    path: 'bundle',
    summary: "The audit bundle: the open log and the tenant's entries, as a stream of JSON lines",
    description: 'Verify it with `freehold verify <file>`. Format: docs/formats/bundle-v2.md.',
    permission: 'ledger:read',
    query: schemas.bundleQuery,
    produces: 'application/x-ndjson',
  })
  async bundle(
    @Op() op: OpContext,
    @QueryInput() { upTo }: { upTo: 'published' | 'anchored' },
    @Res() reply: FastifyReply,
  ) {
    const chunks = await this.bundles.execute(op, { anchoredOnly: upTo === 'anchored' });
    await reply.header('content-type', 'application/x-ndjson').send(Readable.from(chunks, { objectMode: false }));
  }
}
