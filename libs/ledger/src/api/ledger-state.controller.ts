import { Readable } from 'node:stream';
import { Controller, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Endpoint, Op } from '#http';
import type { OpContext } from '#kernel';
import { ReadLedgerStateQuery } from '../app/read-ledger-state.query.js';

@Controller('v1/ledger')
export class LedgerStateController {
  constructor(private readonly state: ReadLedgerStateQuery) {}

  @Endpoint({
    method: 'GET',
    path: 'state',
    summary: 'Every resource as the ledger tells it, as a stream of JSON lines',
    description:
      'What an audit compares with the replayed entries (`freehold audit`): the present state from one snapshot of the database. Format: docs/formats/ledger-state-v1.md.',
    permission: 'ledger:read',
    produces: 'application/x-ndjson',
  })
  async read(@Op() op: OpContext, @Res() reply: FastifyReply) {
    const lines = this.state.execute(op);
    await reply.header('content-type', 'application/x-ndjson').send(Readable.from(lines, { objectMode: false }));
  }
}
