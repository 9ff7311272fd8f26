import { Controller, Headers, Ip, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { clientNetwork, Endpoint, Op, QueryInput, sendEventStream } from '#http';
import type { OpContext } from '#kernel';
import { FollowLogService } from '../app/follow-log.service.js';
import { checkpointView } from './checkpoint.view.js';
import { ledgerEventsQuery, logEventsQuery, resumeAfter } from './events.schemas.js';
import { ledgerEntryView } from './ledger-entry.view.js';

interface After {
  after?: number;
}

const STREAM =
  'Last-Event-ID resumes behind an event, with no gap and no repetition, and goes before `after`. Comments keep a quiet stream alive. A stream ends when the process stops, after an hour at the latest, and when its reader takes nothing for half a minute; come again.';

/** What is new in the log, as server-sent events. */
@Controller('v1')
export class EventsController {
  constructor(private readonly streams: FollowLogService) {}

  @Endpoint({
    method: 'GET',
    path: 'log/events',
    summary: 'Follow the log: each published checkpoint as a server-sent event',
    description: `Each event is named \`checkpoint\`, its id is the size, its data is {size, root, checkpoint}: the signed note. ${STREAM}`,
    permission: 'public',
    query: logEventsQuery,
    produces: 'text/event-stream',
  })
  async checkpoints(
    @Ip() ip: string,
    @QueryInput() { after }: After,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ) {
    const from = resumeAfter(lastEventId, after);
    // As the whole open log: scripts of other origins may follow it.
    void reply.header('access-control-allow-origin', '*');
    await sendEventStream(reply, await this.streams.checkpoints(clientNetwork(ip), from, checkpointView));
  }

  @Endpoint({
    method: 'GET',
    path: 'ledger/events',
    summary: "Follow the tenant's ledger: each of its entries, once published, as a server-sent event",
    description: `Each event is named \`entry\`, its id is the entry's number in the tenant's chain (tenantSeq), its data is the entry as in the read. ${STREAM} It also ends when the API key no longer works.`,
    permission: 'ledger:read',
    query: ledgerEventsQuery,
    produces: 'text/event-stream',
  })
  async entries(
    @Op() op: OpContext,
    @QueryInput() { after }: After,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ) {
    const from = resumeAfter(lastEventId, after);
    await sendEventStream(reply, await this.streams.entries(op, from, ledgerEntryView));
  }
}
