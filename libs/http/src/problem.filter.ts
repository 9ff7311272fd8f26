import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { domainErrorFor, ReplayedReply } from '#database';
import { type Problem, problem, problemOf } from './problem.js';
import { prepareReply } from './reply.js';

/** The one place where errors become replies. What nobody foresaw is a 500 that says nothing but its request id. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name);

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (reply.raw.headersSent) {
      this.logger.error({ err: error, requestId: request.id }, 'failed after the reply had begun');
      reply.raw.destroy();
      return;
    }
    if (error instanceof ReplayedReply) {
      void reply.header('idempotent-replayed', 'true');
      void reply.send(prepareReply(reply, error.reply));
      return;
    }
    const document = toProblem(error, request);
    if (document.status >= 500) this.logger.error({ err: error, requestId: request.id }, document.detail);
    sendProblem(reply, document);
  }
}

export function sendProblem(reply: FastifyReply, document: Problem): void {
  const mayComeAgain = document.status === 503 || document.status === 429;
  if (mayComeAgain && !reply.hasHeader('retry-after')) void reply.header('retry-after', '1');
  if (document.status === 401) void reply.header('www-authenticate', 'Bearer');
  void reply.status(document.status).header('content-type', 'application/problem+json').send(JSON.stringify(document));
}

/** Fastify and Nest name their own refusals (body too large, unknown route, not JSON) with a status. */
interface Refusal {
  statusCode?: number;
  code?: string;
  message: string;
}

export function toProblem(error: unknown, request: { id: string; url: string }): Problem {
  const at = { instance: request.url.split('?', 1)[0] ?? '/', requestId: request.id };
  const known = domainErrorFor(error);
  if (known) return problemOf(known, at);
  const status = error instanceof HttpException ? error.getStatus() : (error as Refusal | undefined)?.statusCode;
  if (status !== undefined && status >= 400 && status < 500) {
    return problem(status, refusalCode(status), refusalDetail(status, request.url), at);
  }
  return problem(500, 'InternalError', `Something failed on our side; quote the request id ${request.id}.`, at);
}

function refusalCode(status: number): string {
  return (
    {
      400: 'MalformedRequest',
      404: 'NoSuchRoute',
      405: 'MethodNotAllowed',
      408: 'RequestTimeout',
      413: 'BodyTooLarge',
      415: 'UnsupportedMediaType',
    }[status] ?? 'RequestRefused'
  );
}

function refusalDetail(status: number, url: string): string {
  switch (status) {
    case 400:
      return 'The request cannot be read: the address must be valid UTF-8, a body must be valid JSON.';
    case 404:
      return `There is no route ${url.split('?', 1)[0]}; the API is described at /docs.`;
    case 413:
      return 'The body is larger than 1 MiB; send less in one request.';
    case 415:
      return 'Send the body as application/json.';
    default:
      return 'The request was refused before it reached the API.';
  }
}
