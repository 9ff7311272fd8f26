import { Controller, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Endpoint, PathInput, QueryInput } from '#http';
import { toBase64, toHex } from '#merkle';
import { type LogOverview, OpenLogQueries, type PublicLeaf } from '../app/open-log.queries.js';
import * as schemas from './log.schemas.js';

const SECONDS = 'public, max-age=1';
const FOREVER = 'public, max-age=31536000, immutable';

/** The open log: no account is needed, and nothing in it names anybody. Paths and formats are those of c2sp.org/tlog-tiles. */
@Controller('v1/log')
export class LogController {
  constructor(private readonly queries: OpenLogQueries) {}

  @Endpoint({
    method: 'GET',
    summary: 'The log: its name, its key and how far it has come',
    permission: 'public',
    reply: schemas.logSchema,
    view: logView,
  })
  overview() {
    return this.queries.overview();
  }

  @Endpoint({
    method: 'GET',
    path: 'checkpoint',
    summary: 'The newest signed checkpoint',
    description: 'A signed note (c2sp.org/tlog-checkpoint).',
    permission: 'public',
    produces: 'text/plain',
  })
  async checkpoint(@Res() reply: FastifyReply) {
    const note = await this.queries.checkpoint();
    await reply.header('content-type', 'text/plain; charset=utf-8').header('cache-control', SECONDS).send(note);
  }

  @Endpoint({
    method: 'GET',
    path: 'tile/*',
    summary: 'A tile of hashes, or a bundle of entries',
    permission: 'public',
    params: schemas.tileParams,
    produces: 'application/octet-stream',
  })
  async tile(@PathInput() { '*': path }: { '*': string }, @Res() reply: FastifyReply) {
    const bytes = await this.queries.tile(`tile/${path}`);
    await reply
      .header('content-type', 'application/octet-stream')
      .header('cache-control', FOREVER)
      .send(Buffer.from(bytes));
  }

  @Endpoint({
    method: 'GET',
    path: 'leaves',
    summary: 'Leaves of the log, as JSON',
    permission: 'public',
    query: schemas.leavesQuery,
    reply: schemas.leavesSchema,
    view: leavesView,
  })
  leaves(@QueryInput() { from, limit }: { from: number; limit: number }) {
    return this.queries.leaves(from, limit);
  }
}

function logView({ origin, vkey, head }: LogOverview) {
  return {
    origin,
    vkey,
    size: head?.size ?? 0,
    root: head ? toHex(head.root) : null,
    publishedAt: head?.publishedAt.toISOString() ?? null,
  };
}

function leavesView({ size, items }: { size: number; items: PublicLeaf[] }) {
  return {
    size,
    items: items.map(({ index, hash, leaf }) => ({ index, hash: toHex(hash), leaf: toBase64(leaf) })),
  };
}
