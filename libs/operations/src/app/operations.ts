import { Injectable } from '@nestjs/common';
import type { DeferredStatement, Tx } from '#database';
import { Clock, newId, type OperationId, type TenantId } from '#kernel';
import type { OperationError } from '../domain/operation.js';
import { OperationRepository, type RunningOperation } from '../infra/operation.repository.js';

export interface NewOperation {
  /** Whose it is; taken from the context unless the transaction acts for no one tenant. */
  tenantId?: TenantId;
  /** `<resource type>.<verb>`, such as `dataset.delete`. */
  kind: string;
  resource: { type: string; id: string };
  /** How much there is to do; 0 where it grows while it is done, left out where nobody can know. */
  total?: number;
  /** What is counted, in the plural: segments. */
  unit: string;
}

export type OperationTarget = RunningOperation;

/**
 * What a feature says of its long-running actions, in the very transactions that do the work: an operation is therefore
 * never ahead of what was done. Each call but `start` is without effect when no such operation is running, so that work
 * done twice, or begun before operations were kept, is no error. Operations are locked last in every transaction.
 */
@Injectable()
export class Operations {
  private readonly advances = new WeakMap<Tx, DeferredStatement[]>();

  constructor(
    private readonly clock: Clock,
    private readonly repository: OperationRepository,
  ) {}

  /** Starts one, or gives the one that is running already for this resource and kind. */
  start(tx: Tx, { kind, resource, total, unit, ...given }: NewOperation): Promise<OperationId> {
    const tenantId = given.tenantId ?? tx.ctx?.tenantId;
    if (tenantId === undefined) throw new TypeError(`whose ${kind} is this? The transaction acts for no one tenant`);
    const startedAt = this.clock.now();
    return this.repository.insertOrFind(tx, {
      tenantId,
      id: newId('operation', startedAt.getTime()),
      kind,
      resourceType: resource.type,
      resourceId: resource.id,
      total: total ?? null,
      unit,
      startedAt,
    });
  }

  /**
   * So much more was done, or was found to be there to be done: forward only. The statement goes out with the commit, so
   * that workers who move the same operation on wait for each other no longer than that takes.
   * @throws RangeError for a step back
   */
  advance(tx: Tx, target: OperationTarget, { done = 0, total = 0 }: { done?: number; total?: number }): void {
    if (!(done >= 0 && total >= 0)) throw new RangeError(`an operation never goes back: ${done} of ${total}`);
    if (done === 0 && total === 0) return;
    let statements = this.advances.get(tx);
    if (!statements) {
      const collected: DeferredStatement[] = [];
      statements = collected;
      this.advances.set(tx, collected);
      tx.beforeCommit('operations', () => collected);
    }
    statements.push(this.repository.advance(target, done, total));
  }

  succeed(tx: Tx, target: OperationTarget): Promise<void> {
    return this.repository.finish(tx, target, { state: 'succeeded', error: null, finishedAt: this.clock.now() });
  }

  /** @param error what the tenant is told: never a secret, never a stack. */
  fail(tx: Tx, target: OperationTarget, { code, detail }: OperationError): Promise<void> {
    return this.repository.finish(tx, target, {
      state: 'failed',
      error: { code, detail },
      finishedAt: this.clock.now(),
    });
  }

  cancel(tx: Tx, target: OperationTarget): Promise<void> {
    return this.repository.finish(tx, target, { state: 'cancelled', error: null, finishedAt: this.clock.now() });
  }
}
