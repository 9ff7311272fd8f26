import { ConflictError, DomainError, type IdempotencyScope, type OpContext, type StoredReply } from '#kernel';
import type { Tx } from './tx.js';

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
 * @throws ConflictError `IdempotencyKeyInUse`, DomainError `IdempotencyKeyReused`, ReplayedReply
 */
export async function openContext(tx: Tx, ctx: OpContext): Promise<void> {
  const idempotency = ctx.dryRun ? undefined : ctx.idempotency;
  if (!idempotency) {
    await tx.query("SELECT set_config('app.tenant', $1, true)", [ctx.tenantId]);
    return;
  }
  const [row] = await tx.query<{ locked: boolean }>(
    "SELECT set_config('app.tenant', $1, true), pg_try_advisory_xact_lock(hashtextextended($2, 0)) AS locked",
    [ctx.tenantId, `${ctx.tenantId} ${idempotency.scope} ${idempotency.key}`],
  );
  if (!row?.locked) {
    throw new ConflictError(
      'IdempotencyKeyInUse',
      'A request with this Idempotency-Key is still under way; wait for its answer.',
    );
  }
  await replayIfAnswered(tx, ctx, idempotency);
}

async function replayIfAnswered(tx: Tx, ctx: OpContext, idempotency: IdempotencyScope): Promise<void> {
  const [stored] = await tx.query<IdempotencyRow>(
    'SELECT request_hash, status, etag, body FROM idempotency_record WHERE tenant_id = $1 AND scope = $2 AND key = $3',
    [ctx.tenantId, idempotency.scope, idempotency.key],
  );
  if (!stored) return;
  if (!stored.request_hash.equals(idempotency.requestHash)) {
    throw new DomainError(
      'unprocessable',
      'IdempotencyKeyReused',
      'This Idempotency-Key was used for a different request.',
      {
        errors: [
          {
            pointer: '',
            rule: 'idempotency-key.same-request',
            message: 'the key belongs to another request',
            fix: 'draw a new Idempotency-Key for each change',
          },
        ],
      },
    );
  }
  throw new ReplayedReply({ status: stored.status, etag: stored.etag, body: stored.body });
}

/** Keeps the reply with the change. A unique violation here means that the same request committed a moment ago. */
export async function storeReply(tx: Tx, ctx: OpContext, reply: StoredReply): Promise<void> {
  if (!ctx.idempotency) return;
  await tx.execute(
    `INSERT INTO idempotency_record (tenant_id, scope, key, request_hash, status, etag, body)
     VALUES ($1, $2, $3, $4, $5, $6, $7::json)`,
    [
      ctx.tenantId,
      ctx.idempotency.scope,
      ctx.idempotency.key,
      Buffer.from(ctx.idempotency.requestHash),
      reply.status,
      reply.etag,
      JSON.stringify(reply.storedBody ?? reply.body),
    ],
  );
}
