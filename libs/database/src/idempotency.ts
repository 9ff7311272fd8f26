import { ConflictError, DomainError, type IdempotencyScope, type OpContext, type StoredReply } from '#kernel';
import { postgresErrorOf, translation } from './sql-state.js';
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
  signing_key_id: string | null;
  nonce: string | null;
  status: number;
  etag: string | null;
  body: unknown;
}

/** SQLSTATEs of `open_request` and `open_signed_request` (migrations/20261126000800-*, 20261126000100-*). */
const IN_FLIGHT = 'FH001';
const ANSWERED = 'FH002';
const NONCE_USED = 'FH003';

/**
 * Opens the caller's context in the database: the tenant for row level security and, when the request carries an
 * Idempotency-Key, the lock that makes a second one in flight fail at once instead of waiting for the first.
 */
export function openContext(ctx: OpContext, idempotency: IdempotencyScope | undefined): Statement {
  if (!idempotency) return setTenant(ctx.tenantId);
  const { tenantId, signature } = ctx;
  const params = [tenantId, idempotency.scope, idempotency.key];
  const translate = openingError;
  if (!signature) return { sql: 'SELECT open_request($1, $2, $3)', params, translate };
  params.push(signature.keyId, signature.nonce);
  return { sql: 'SELECT open_signed_request($1, $2, $3, $4, $5)', params, translate };
}

function openingError(error: unknown): unknown {
  const code = postgresErrorOf(error)?.code;
  if (code === IN_FLIGHT) return inFlight();
  return code === NONCE_USED ? nonceReused() : error;
}

/** A signature is for one request: whoever saw it can send it again, and nothing comes of it. */
function nonceReused(): ConflictError {
  return new ConflictError('NonceReused', 'The nonce of this signature was used for another request.', {
    errors: [
      {
        pointer: '/header/signature-input',
        rule: 'signature.nonce-once',
        message: 'the nonce belongs to another request of this key',
        fix: 'draw a new nonce for each request and sign again',
      },
    ],
  });
}

function inFlight(): ConflictError {
  return new ConflictError(
    'IdempotencyKeyInUse',
    'A request with this Idempotency-Key is still under way; wait for its answer.',
  );
}

/** Whether `open_request` refused to begin because the key was answered before: `readAnswer` has the answer. */
export function wasAnswered(error: unknown): boolean {
  return postgresErrorOf(error)?.code === ANSWERED;
}

/** Reads the stored reply of a key; in a transaction of its own, because the one that was refused can read nothing more. */
export function readAnswer(ctx: OpContext, { scope, key }: IdempotencyScope): Statement[] {
  return [
    setTenant(ctx.tenantId),
    {
      sql: 'SELECT request_hash, signing_key_id, nonce, status, etag, body FROM idempotency_record WHERE tenant_id = $1 AND scope = $2 AND key = $3',
      params: [ctx.tenantId, scope, key],
    },
  ];
}

/**
 * What the stored row means for this request; undefined when the row was forgotten in between and nothing stands in its way.
 * @returns ReplayedReply, or DomainError `IdempotencyKeyReused`, `NonceReused`
 */
export function answerFrom(
  ctx: OpContext,
  { requestHash }: IdempotencyScope,
  rows: readonly Record<string, unknown>[][],
): Error | undefined {
  const stored = rows.at(-1)?.[0] as IdempotencyRow | undefined;
  if (!stored) return undefined;
  if (stored.request_hash.equals(requestHash)) {
    return new ReplayedReply({ status: stored.status, etag: stored.etag, body: stored.body });
  }
  const { keyId, nonce } = ctx.signature ?? {};
  if (nonce !== undefined && stored.signing_key_id === keyId && stored.nonce === nonce) return nonceReused();
  return new DomainError(
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

/** Keeps the reply with the change. A unique violation here means that the same request committed a moment ago. */
export function storeReply(ctx: OpContext, reply: StoredReply): Statement[] {
  if (!ctx.idempotency) return [];
  return [
    {
      sql: `INSERT INTO idempotency_record (tenant_id, scope, key, request_hash, status, etag, body, signing_key_id, nonce)
            VALUES ($1, $2, $3, $4, $5, $6, $7::json, $8, $9)`,
      params: [
        ctx.tenantId,
        ctx.idempotency.scope,
        ctx.idempotency.key,
        Buffer.from(ctx.idempotency.requestHash),
        reply.status,
        reply.etag,
        JSON.stringify(reply.storedBody ?? reply.body),
        ctx.signature?.keyId ?? null,
        ctx.signature?.nonce ?? null,
      ],
      translate: translation({ idempotency_record_nonce: nonceReused }),
    },
  ];
}
