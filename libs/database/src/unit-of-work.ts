import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';
import { DataSource, type QueryRunner } from 'typeorm';
import { DomainError, type IdempotencyScope, type OpContext } from '#kernel';
import { answerFrom, openContext, ReplayedReply, readAnswer, storeReply, wasAnswered } from './idempotency.js';
import { domainErrorFor, isConnectionLost, isTransient, postgresErrorOf } from './sql-state.js';
import { type Statement, Tx } from './tx.js';

const ATTEMPTS = 5;
const BASE_DELAY_MS = 10;
const READER_PATIENCE = '30s';

/** Ends a dry run: everything was tried, nothing is kept. */
class DryRunEnds extends Error {
  constructor(readonly result: unknown) {
    super('dry run');
  }
}

type Mode = 'change' | 'read';

/**
 * One use case, one transaction, whole or not at all. Sets the tenant for row level security, answers a repeated request
 * with the first reply, lets collected writes (ledger, outbox) go out together just before the commit, and runs the whole
 * again when PostgreSQL asks for it (40001, 40P01) or went away before the commit was sent.
 */
@Injectable()
export class UnitOfWork {
  constructor(private readonly dataSource: DataSource) {}

  /** @throws DomainError; ReplayedReply when the same request was answered before. */
  run<T>(ctx: OpContext, work: (tx: Tx) => Promise<T>): Promise<T> {
    return attempting(() => inTransaction(this.dataSource, ctx, 'change', work), ctx.idempotency !== undefined);
  }

  /** A read as the tenant; all its statements see one snapshot. Takes no idempotency key and writes nothing. */
  read<T>(ctx: OpContext, work: (tx: Tx) => Promise<T>): Promise<T> {
    return attempting(() => inTransaction(this.dataSource, ctx, 'read', work), true);
  }

  /**
   * A read that is too long for memory, item by item from one snapshot. Its connection is held until the last item was
   * taken or the reader turned away; one that takes nothing for `READER_PATIENCE` is cut off by PostgreSQL.
   */
  async *stream<T>(ctx: OpContext, work: (tx: Tx) => AsyncIterable<T>): AsyncGenerator<T> {
    const runner = this.dataSource.createQueryRunner();
    try {
      const tx = new Tx(runner.manager, await runner.connect(), ctx);
      await begun(runner, tx, 'read', () =>
        tx.query(`SELECT set_config('idle_in_transaction_session_timeout', $1, true)`, [READER_PATIENCE]),
      );
      yield* work(tx);
    } catch (error) {
      throw domainErrorFor(error) ?? error;
    } finally {
      await rollback(runner);
      await runner.release();
    }
  }
}

/**
 * The workers' unit of work: the system role, which sees every tenant. `run` acts for no one tenant; `runAs` acts for the
 * tenant of its context and can therefore append to that tenant's chain.
 */
@Injectable()
export class SystemUnitOfWork {
  constructor(private readonly dataSource: DataSource) {}

  run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return attempting(() => inTransaction(this.dataSource, null, 'change', work), false);
  }

  runAs<T>(ctx: OpContext, work: (tx: Tx) => Promise<T>): Promise<T> {
    return attempting(() => inTransaction(this.dataSource, ctx, 'change', work), false);
  }
}

/** The connection was lost while COMMIT was under way: whether it happened is unknown. */
class CommitUncertainError extends DomainError {
  constructor(cause: unknown) {
    super(
      'unavailable',
      'OutcomeUnknown',
      'The database went away while the change was being committed. Send the same request again with the same Idempotency-Key, or read the resource first.',
      { cause },
    );
  }
}

async function attempting<T>(transaction: () => Promise<T>, safeToRepeat: boolean): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction();
    } catch (error) {
      if (error instanceof DryRunEnds) return error.result as T;
      if (error instanceof ReplayedReply) throw error;
      const repeatable =
        isTransient(error) ||
        isSameRequestCommitted(error) ||
        (error instanceof CommitUncertainError ? safeToRepeat : isConnectionLost(error));
      if (!repeatable || attempt === ATTEMPTS) throw domainErrorFor(error) ?? error;
      await delay(BASE_DELAY_MS * 2 ** attempt * (0.5 + Math.random()));
    }
  }
}

/** The other of two identical requests won the race: the next attempt finds its stored reply. */
function isSameRequestCommitted(error: unknown): boolean {
  return postgresErrorOf(error)?.constraint === 'idempotency_record_pkey';
}

async function inTransaction<T>(
  dataSource: DataSource,
  ctx: OpContext | null,
  mode: Mode,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const runner = dataSource.createQueryRunner();
  let committing = false;
  try {
    const client: PoolClient = await runner.connect();
    const tx = new Tx(runner.manager, client, ctx);
    const result = await begun(runner, tx, mode, work);
    const last = mode === 'change' ? closing(tx, ctx, result) : [];
    if (ctx?.dryRun) {
      await tx.pipeline(last);
      throw new DryRunEnds(result);
    }
    committing = true;
    await tx.pipeline([...last, { sql: 'COMMIT' }]);
    ended(runner);
    return result;
  } catch (error) {
    await rollback(runner);
    if (ctx?.reply && !(error instanceof DryRunEnds)) ctx.reply.stored = null;
    if (ctx?.idempotency && wasAnswered(error)) throw await answerOf(runner, ctx, ctx.idempotency);
    throw committing && isConnectionLost(error) ? new CommitUncertainError(error) : error;
  } finally {
    await runner.release();
  }
}

/**
 * Begins the transaction, opens the context and lets the work begin without waiting for either: its first statements go out
 * in the same packet. A context that cannot be opened fails in PostgreSQL, which then refuses what was sent behind it; that
 * failure, and not the work's, is what is thrown. TypeORM is told that a transaction is active, so that none of its methods
 * starts one of its own inside.
 */
async function begun<T>(runner: QueryRunner, tx: Tx, mode: Mode, work: (tx: Tx) => Promise<T>): Promise<T> {
  const { ctx } = tx;
  const idempotency = mode === 'change' && !ctx?.dryRun ? ctx?.idempotency : undefined;
  (runner as { isTransactionActive: boolean }).isTransactionActive = true;
  const [opened, done] = await tx.together(
    () =>
      tx.pipeline([
        { sql: mode === 'read' ? 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' : 'BEGIN' },
        ...(ctx ? [openContext(ctx, idempotency)] : []),
      ]),
    async () => work(tx),
  );
  if (opened.status === 'rejected') throw opened.reason;
  if (done.status === 'rejected') throw done.reason;
  return done.value;
}

/** The answer that was given before; a transient error when it was forgotten a moment ago, so that the whole runs again. */
async function answerOf(runner: QueryRunner, ctx: OpContext, idempotency: IdempotencyScope): Promise<unknown> {
  const tx = new Tx(runner.manager, await runner.connect(), ctx);
  const rows = await tx.pipeline([{ sql: 'BEGIN READ ONLY' }, ...readAnswer(ctx, idempotency)]);
  await tx.pipeline([{ sql: 'COMMIT' }]);
  return (
    answerFrom(ctx, idempotency, rows) ?? Object.assign(new Error('the stored reply was forgotten'), { code: '40001' })
  );
}

/** What goes to the database with the commit; in a dry run, what is tried before all is taken back. */
function closing(tx: Tx, ctx: OpContext | null, result: unknown): Statement[] {
  const slot = ctx?.reply;
  if (slot) slot.stored = slot.render(result, tx.entries);
  return [...tx.deferred(), ...(ctx && slot?.stored && !ctx.dryRun ? storeReply(ctx, slot.stored) : [])];
}

async function rollback(runner: QueryRunner): Promise<void> {
  if (!runner.isTransactionActive) return;
  try {
    await runner.query('ROLLBACK');
  } catch {
    // The connection is gone, and with it the transaction; the error that brought us here says why.
  }
  ended(runner);
}

function ended(runner: QueryRunner): void {
  (runner as { isTransactionActive: boolean }).isTransactionActive = false;
}
