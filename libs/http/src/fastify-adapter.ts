import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { newId } from '#kernel';
import { sendProblem, toProblem } from './problem.filter.js';
import { problem } from './problem.js';
import { closeSilentConnections } from './silent-connections.js';

const BODY_LIMIT = 1024 * 1024;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Fastify with the limits of a public API. What it refuses before Nest sees it is a problem document too. */
export function createFastifyAdapter(): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    keepAliveTimeout: 72_000,
    genReqId: (request: { headers: IncomingHttpHeaders }) => requestId(request.headers['x-request-id']),
    routerOptions: { maxParamLength: 500 },
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) =>
      sendProblem(reply, toProblem(error, request)),
    clientErrorHandler: (error, socket) => {
      if (!socket.writable) return;
      const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
      const body = JSON.stringify(
        problem(
          status,
          status === 408 ? 'RequestTimeout' : 'MalformedRequest',
          'The request is not valid HTTP/1.1, or took too long to arrive.',
          {
            instance: '/',
            requestId: newId('request'),
          },
        ),
      );
      socket.end(
        `HTTP/1.1 ${status} Refused\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    },
  });
  keepJsonAlone(adapter);
  closeSilentConnections(adapter.getInstance());
  adapter.getInstance().addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id);
    // Many clients name a media type on a DELETE that has no body; nothing is there to be parsed.
    if ((request.headers['content-length'] ?? '0') === '0' && !request.headers['transfer-encoding']) {
      delete request.headers['content-type'];
    }
  });
  return adapter;
}

type BodyParser = (
  request: FastifyRequest,
  body: string,
  done: (error: Error | null, parsed?: unknown) => void,
) => void;

/**
 * JSON is the only body there is. Its bytes stay with the request: digests and signatures are over them, and what JSON says
 * can be written in many ways.
 */
function keepJsonAlone(adapter: FastifyAdapter): void {
  const fastify = adapter.getInstance();
  const parse = fastify.getDefaultJsonParser('error', 'error') as unknown as BodyParser;
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    (request as FastifyRequest & { rawBody?: Buffer }).rawBody = body;
    if (isUtf8(body)) return parse(request, body.toString('utf8'), done);
    done(Object.assign(new Error('the body is not UTF-8'), { statusCode: 400 }));
  });
}

function requestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : newId('request');
}
