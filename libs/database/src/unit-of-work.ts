import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';
import { DataSource, type QueryRunner } from 'typeorm';
import { DomainError, type OpContext } from '#kernel';
import { openContext, ReplayedReply, storeReply } from './idempotency.js';
import { domainErrorFor, isConnectionLost, isTransient, postgresErrorOf } from './sql-state.js';
import { Tx } from './tx.js';

const ATTEMPTS = 5;
const BASE_DELAY_MS = 10;

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

  /** A consistent read as the tenant; takes no idempotency key and writes nothing. */
  read<T>(ctx: OpContext, work: (tx: Tx) => Promise<T>): Promise<T> {
    return attempting(() => inTransaction(this.dataSource, ctx, 'read', work), true);
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
    await runner.startTransaction();
    const tx = new Tx(runner.manager, client, ctx);
    if (ctx) await openContext(tx, mode === 'change' ? ctx : { ...ctx, idempotency: undefined });
    const result = await work(tx);
    if (mode === 'change') await finish(tx, ctx, result);
    committing = true;
    await runner.commitTransaction();
    return result;
  } catch (error) {
    await rollback(runner);
    throw committing && isConnectionLost(error) ? new CommitUncertainError(error) : error;
  } finally {
    await runner.release();
  }
}

async function finish(tx: Tx, ctx: OpContext | null, result: unknown): Promise<void> {
  const slot = ctx?.reply;
  if (slot) slot.stored = slot.render(result, tx.entries);
  if (ctx?.dryRun) throw new DryRunEnds(result);
  await tx.flush();
  if (ctx && slot?.stored) await storeReply(tx, ctx, slot.stored);
}

async function rollback(runner: QueryRunner): Promise<void> {
  if (!runner.isTransactionActive) return;
  try {
    await runner.rollbackTransaction();
  } catch {
    // The connection is gone, and with it the transaction; the error that brought us here says why.
  }
}
