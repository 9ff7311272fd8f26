import { ConflictError, DomainError, type IdempotencyScope, type OpContext, type StoredReply } from '#kernel';
import { type Statement, setTenant } from './tx.js';

/** Not an error of the caller's: the request was answered before, and this is the answer. Unwinds the transaction. */
export class ReplayedReply extends Error {
  override name = 'ReplayedReply';
  constructor(readonly reply: StoredReply) {
    super('this request was answered before');
  }
}

interface IdempotencyRow {
  request_hash: Buffer;
  status: number;
  etag: string | null;
  body: unknown;
}

/**
 * Opens the caller's context in the database: the tenant for row level security and, when the request carries an
 * Idempotency-Key, the lock that makes a second one in flight fail at once instead of waiting for the first.
 */
export function openContext(ctx: OpContext, idempotency: IdempotencyScope | undefined): Statement[] {
  if (!idempotency) return [setTenant(ctx.tenantId)];
  return [
    setTenant(ctx.tenantId),
    {
      sql: 'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS locked',
      params: [`${ctx.tenantId} ${idempotency.scope} ${idempotency.key}`],
    },
    {
      sql: 'SELECT request_hash, status, etag, body FROM idempotency_record WHERE tenant_id = $1 AND scope = $2 AND key = $3',
      params: [ctx.tenantId, idempotency.scope, idempotency.key],
    },
  ];
}

/**
 * Reads what the statements of `openContext` gave.
 * @throws ConflictError `IdempotencyKeyInUse`, DomainError `IdempotencyKeyReused`, ReplayedReply
 */
export function requireUnanswered(idempotency: IdempotencyScope, rows: readonly Record<string, unknown>[][]): void {
  const [lock] = rows.at(-2) ?? [];
  const stored = rows.at(-1)?.[0] as IdempotencyRow | undefined;
  if (stored) {
    if (stored.request_hash.equals(idempotency.requestHash)) {
      throw new ReplayedReply({ status: stored.status, etag: stored.etag, body: stored.body });
    }
    throw new DomainError(
      'unprocessable',
      'IdempotencyKeyReused',
      'This Idempotency-Key was used for a different request.',
      {
        errors: [
          {
            pointer: '/header/idempotency-key',
            rule: 'idempotency-key.same-request',
            message: 'the key belongs to another request',
            fix: 'draw a new Idempotency-Key for each change',
          },
        ],
      },
    );
  }
  if (!lock?.locked) {
    throw new ConflictError(
      'IdempotencyKeyInUse',
      'A request with this Idempotency-Key is still under way; wait for its answer.',
    );
  }
}

/** Keeps the reply with the change. A unique violation here means that the same request committed a moment ago. */
export function storeReply(ctx: OpContext, reply: StoredReply): Statement[] {
  if (!ctx.idempotency) return [];
  return [
    {
      sql: `INSERT INTO idempotency_record (tenant_id, scope, key, request_hash, status, etag, body)
            VALUES ($1, $2, $3, $4, $5, $6, $7::json)`,
      params: [
        ctx.tenantId,
        ctx.idempotency.scope,
        ctx.idempotency.key,
        Buffer.from(ctx.idempotency.requestHash),
        reply.status,
        reply.etag,
        JSON.stringify(reply.storedBody ?? reply.body),
      ],
    },
  ];
}
