import { Controller, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Endpoint, Op } from '#http';
import type { OpContext } from '#kernel';
import { WitnessQueries } from '../app/witness.queries.js';
import * as schemas from './witness.schemas.js';
import { logWitnessesView, systemWitnessesView } from './witness.view.js';

/** Who watches the log. */
@Controller('v1')
export class WitnessController {
  constructor(private readonly queries: WitnessQueries) {}

  @Endpoint({
    method: 'GET',
    path: 'log/witnesses',
    summary: 'The witnesses of the log, and how far each has cosigned it',
    permission: 'public',
    reply: schemas.logWitnessesSchema,
    view: logWitnessesView,
  })
  witnesses() {
    return this.queries.overview();
  }

  @Endpoint({
    method: 'GET',
    path: 'log/checkpoint/witnessed',
    summary: 'The newest checkpoint that enough witnesses cosigned',
    description:
      'A signed note (c2sp.org/tlog-checkpoint) with the lines of the witnesses (c2sp.org/tlog-cosignature).',
    permission: 'public',
    produces: 'text/plain',
  })
  async witnessedCheckpoint(@Res() reply: FastifyReply) {
    const note = await this.queries.witnessedCheckpoint();
    await reply
      .header('content-type', 'text/plain; charset=utf-8')
      .header('cache-control', 'public, max-age=1')
      .send(note);
  }

  @Endpoint({
    method: 'GET',
    path: 'system/witnesses',
    summary: 'The witnesses of the log with their state: where they answer, and why one does not cosign',
    permission: 'system:ledger:read',
    reply: schemas.systemWitnessesSchema,
    view: systemWitnessesView,
  })
  standing(@Op() ctx: OpContext) {
    return this.queries.standing(ctx);
  }
}
