import { Readable } from 'node:stream';
import { Controller, Get, Param, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RequirePermission } from '#auth';
import { DomainError, parseId } from '#kernel';
import { ReadSegmentService } from '../app/read-segment.service.js';
import { ReceiveSegmentService } from '../app/receive-segment.service.js';
import { TicketError } from '../domain/transfer-ticket.js';

/**
 * Ciphertext in and out of the data process. A ticket is the only credential here, so the routes are public to the guard;
 * each service checks the ticket before it does anything else.
 */
@Controller('v1/segments')
export class SegmentTransferController {
  constructor(
    private readonly receive: ReceiveSegmentService,
    private readonly read: ReadSegmentService,
  ) {}

  /** 201 when the ciphertext was taken in, 200 when it was here already. */
  @Put(':segmentId')
  @RequirePermission('public')
  async put(
    @Param('segmentId') segmentId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const ticket = ticketOf(request);
    const id = parseId('segment', segmentId, '/path/segmentId');
    if (!(request.body instanceof Readable)) {
      throw new DomainError('invalid', 'BodyMissing', 'Send the ciphertext as application/octet-stream.');
    }
    const outcome = await this.receive.execute(ticket, id, request.body);
    void reply.status(outcome === 'staged' ? 201 : 200).send({ id, state: outcome });
  }

  @Get(':segmentId')
  @RequirePermission('public')
  async get(
    @Param('segmentId') segmentId: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const ticket = ticketOf(request);
    const id = parseId('segment', segmentId, '/path/segmentId');
    const { bytes, failed, release } = await this.read.execute(ticket, id);
    // Also when the client went away before or while the reply was sent.
    reply.raw.once('close', release);
    if (reply.raw.destroyed) release();
    void reply
      .header('content-type', 'application/octet-stream')
      .header('cache-control', 'no-store')
      .header('x-unusable-shards', String(failed.length))
      .send(bytes);
  }
}

function ticketOf(request: FastifyRequest): string {
  const ticket = /^Ticket ([\x21-\x7e]+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (!ticket) throw new TicketError('A ticket is needed: send "Authorization: Ticket <ticket>".');
  return ticket;
}
