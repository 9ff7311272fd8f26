import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Endpoint, PathInput, QueryInput } from '#http';
import { toBase64, toHex } from '#merkle';
import { type LogOverview, OpenLogQueries, type PublicLeaf } from '../app/open-log.queries.js';
import * as schemas from './log.schemas.js';
import { FOR_A_SECOND, FOREVER, sendOpen } from './open-reply.js';

const TEXT = 'text/plain; charset=utf-8';
const BYTES = 'application/octet-stream';

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
  async checkpoint(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const note = await this.queries.checkpoint();
    await sendOpen(request, reply, note, { type: TEXT, cache: FOR_A_SECOND });
  }

  @Endpoint({
    method: 'GET',
    path: 'tile/*',
    summary: 'A tile of hashes, or a bundle of entries',
    permission: 'public',
    params: schemas.tileParams,
    produces: 'application/octet-stream',
  })
  async tile(@PathInput() { '*': path }: { '*': string }, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const bytes = await this.queries.tile(`tile/${path}`);
    await sendOpen(request, reply, bytes, { type: BYTES, cache: FOREVER });
  }

  @Endpoint({
    method: 'GET',
    path: 'proof/:index',
    summary: 'The proof that an entry is in the log, with the newest signed checkpoint',
    description: 'A c2sp.org/tlog-proof: it proves the leaf at this index to whoever has the leaf.',
    permission: 'public',
    params: schemas.proofParams,
    produces: 'text/plain',
  })
  async proof(@PathInput() { index }: { index: number }, @Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const proof = await this.queries.inclusion(index);
    await sendOpen(request, reply, proof, { type: TEXT, cache: FOR_A_SECOND });
  }

  @Endpoint({
    method: 'GET',
    path: 'consistency',
    summary: 'The proof that a larger tree of the log begins with a smaller one',
    description: 'As RFC 9162 section 2.1.4 has it. Tools that read tiles compute it themselves.',
    permission: 'public',
    query: schemas.consistencyQuery,
    reply: schemas.consistencySchema,
    view: consistencyView,
  })
  consistency(@QueryInput() { from, to }: { from: number; to?: number }) {
    return this.queries.consistency(from, to);
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

function consistencyView({ from, to, hashes }: { from: number; to: number; hashes: Uint8Array[] }) {
  return { from, to, hashes: hashes.map(toBase64) };
}

function leavesView({ size, items }: { size: number; items: PublicLeaf[] }) {
  return {
    size,
    items: items.map(({ index, hash, leaf }) => ({ index, hash: toHex(hash), leaf: toBase64(leaf) })),
  };
}
