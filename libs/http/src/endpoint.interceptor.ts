import { createHash } from 'node:crypto';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { concatMap, type Observable } from 'rxjs';
import { z } from 'zod';
import type { Principal } from '#auth';
import {
  canonicalJson,
  DomainError,
  type IdempotencyScope,
  InvalidInputError,
  type JsonValue,
  type OpContext,
  type RecordedEntry,
  type ReplySlot,
  type RequestId,
  type RequestSignature,
  type StoredReply,
  SYSTEM_TENANT_ID,
} from '#kernel';
import { type EndpointSpec, endpointSpec, isChange, type PreparedRequest, successStatus } from './endpoint.js';
import { prepareReply, tagOf } from './reply.js';
import { validate } from './validation.js';

type IncomingRequest = FastifyRequest & {
  principal?: Principal;
  signature?: RequestSignature;
  prepared?: PreparedRequest;
};

const NOTHING = z.strictObject({});
/** What every change takes in its query, beside the route's own parameters. */
const CHANGE_QUERY = z.object({
  dryRun: z.enum(['true', 'false']).optional(),
  anchor: z.literal('immediate').optional(),
});

/**
 * Turns a request into an operation and its result into a reply: validates path, query and body, reads Idempotency-Key
 * and If-Match, and hands the unit of work a slot in which the reply is rendered inside the change's transaction.
 */
@Injectable()
export class EndpointInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const spec = endpointSpec(context.getHandler());
    if (!spec) return next.handle();
    const request = context.switchToHttp().getRequest<IncomingRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    request.prepared = prepare(spec, request);
    const { op } = request.prepared;
    return next.handle().pipe(
      concatMap(async (result: unknown) => {
        if (spec.reply === undefined && (reply.sent || reply.raw.headersSent)) return undefined;
        return prepareReply(reply, op.reply?.stored ?? plainReply(spec, result));
      }),
    );
  }
}

function prepare(spec: EndpointSpec, request: IncomingRequest): PreparedRequest {
  const change = isChange(spec);
  const { dryRun, anchor, ...ownQuery } = request.query as Record<string, unknown>;
  if (!change && dryRun !== undefined) throw ofChangesOnly('dryRun', 'dry-run', 'only a change can be tried out');
  if (!change && anchor !== undefined) throw ofChangesOnly('anchor', 'anchor', 'only a change can be anchored');
  const params = validate(spec.params ?? NOTHING, request.params, 'path');
  const query = validate(spec.query ?? NOTHING, change ? ownQuery : request.query, 'query');
  const body = spec.body
    ? validate(spec.body, request.body)
    : validate(z.union([z.undefined(), z.null(), NOTHING]), request.body);
  const op: OpContext = {
    actor: request.principal?.actor ?? { type: 'user', id: 'anonymous', keyId: null, roles: [] },
    tenantId: request.principal?.tenantId ?? SYSTEM_TENANT_ID,
    permissions: request.principal?.permissions ?? new Set(),
    requestId: request.id as RequestId,
    ifMatch: parseIfMatch(request.headers['if-match']),
    signature: request.signature,
    signaturesRequired: request.principal?.signaturesRequired ?? undefined,
  };
  if (change) {
    const asked = validate(CHANGE_QUERY, { dryRun, anchor }, 'query') as z.infer<typeof CHANGE_QUERY>;
    op.dryRun = asked.dryRun === 'true';
    op.anchorAtOnce = asked.anchor === 'immediate';
    op.idempotency = idempotencyScope(request, op, { params, query, body });
    op.reply = replySlot(spec, op);
  }
  return { op, params, query, body };
}

function ofChangesOnly(parameter: string, rule: string, message: string): InvalidInputError {
  return new InvalidInputError([
    { pointer: `/query/${parameter}`, rule: `${rule}.changes-only`, message, fix: `remove ${parameter}` },
  ]);
}

const IDEMPOTENCY_KEY = /^(?:"([\x20-\x21\x23-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255}))$/;

function idempotencyScope(
  request: IncomingRequest,
  op: OpContext,
  parts: { params: unknown; query: unknown; body: unknown },
): IdempotencyScope | undefined {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return undefined;
  const match = typeof header === 'string' ? IDEMPOTENCY_KEY.exec(header) : null;
  const key = match?.[1] ?? match?.[2];
  if (key === undefined) {
    throw new InvalidInputError([
      {
        pointer: '/header/idempotency-key',
        rule: 'idempotency-key.format',
        message: 'not a key of 1 to 255 printable ASCII characters',
        fix: 'send a UUID, bare or in double quotes',
      },
    ]);
  }
  const path = request.url.split('?', 1)[0] ?? '/';
  const canonical = canonicalJson(JSON.parse(JSON.stringify({ method: request.method, path, ...parts })) as JsonValue);
  return {
    scope: `${op.actor.id} ${request.method} ${path}`,
    key,
    requestHash: createHash('sha256').update(canonical).digest(),
  };
}

function parseIfMatch(header: string | undefined): readonly string[] | undefined {
  if (header === undefined) return undefined;
  const tags = header.split(',').map((tag) => tag.trim());
  if (tags.every((tag) => tag === '*' || /^"[\x21\x23-\x7e]*"$/.test(tag))) return tags;
  throw new InvalidInputError([
    {
      pointer: '/header/if-match',
      rule: 'if-match.format',
      message: 'not a list of strong entity tags',
      fix: 'send the ETag of your last read, in its double quotes',
    },
  ]);
}

function replySlot(spec: EndpointSpec, op: OpContext): ReplySlot {
  return {
    stored: null,
    render(result: unknown, entries: readonly RecordedEntry[]): StoredReply {
      if (this.stored !== null)
        throw new Error('one request, one unit of work: this request has changed something already');
      const view = viewOf(spec, result);
      const body = withEntries(view, entries, op.dryRun === true);
      return {
        status: op.dryRun ? 200 : successStatus(spec),
        etag: tagOf(view),
        body,
        ...(spec.secretField && body !== null
          ? { storedBody: { ...body, [spec.secretField]: null, secretWasShown: true } }
          : {}),
      };
    },
  };
}

function viewOf(spec: EndpointSpec, result: unknown): unknown {
  return spec.view ? (spec.view as (result: unknown) => unknown)(result) : result;
}

/** The first entry is the one of the resource asked for; further ones are those of what came or went with it. */
function withEntries(
  view: unknown,
  entries: readonly RecordedEntry[],
  dryRun: boolean,
): Record<string, unknown> | null {
  if (view === null || view === undefined) return entries[0] ? { ...entries[0] } : null;
  if (typeof view !== 'object')
    throw new DomainError('unprocessable', 'NotAnObject', 'a reply to a change is an object');
  if (dryRun) return { ...view, dryRun: true };
  const [first] = entries;
  return {
    ...view,
    ...(first ?? {}),
    ...(entries.length > 1 ? { ledgerEntries: entries.map((entry) => ({ ...entry })) } : {}),
  };
}

function plainReply(spec: EndpointSpec, result: unknown): StoredReply {
  const view = viewOf(spec, result);
  return { status: successStatus(spec), etag: tagOf(view), body: view ?? null };
}
