import { Injectable } from '@nestjs/common';
import { type DeferredStatement, type Page, type PageRequest, pageOfEntities, type Tx } from '#database';
import { NotFoundError, type OperationId, type TenantId } from '#kernel';
import type { OperationError, OperationState } from '../domain/operation.js';
import { OperationEntity } from './operation.entity.js';

export interface OperationFilter {
  resourceId?: string;
  state?: OperationState;
}

/** Which operation is meant: there is one running for a resource and a kind at most. */
export interface RunningOperation {
  tenantId: TenantId;
  resourceId: string;
  kind: string;
}

@Injectable()
export class OperationRepository {
  /** Adds the operation, or finds the one that is running already for its resource and kind. Gives the id that counts. */
  async insertOrFind(
    tx: Tx,
    operation: Pick<
      OperationEntity,
      'tenantId' | 'id' | 'kind' | 'resourceType' | 'resourceId' | 'total' | 'unit' | 'startedAt'
    >,
  ): Promise<OperationId> {
    const { tenantId, id, kind, resourceType, resourceId, total, unit, startedAt } = operation;
    // An update that changes nothing, because only a row that was written is returned.
    const [row] = await tx.query<{ id: OperationId }>(
      `INSERT INTO operation (tenant_id, id, kind, resource_type, resource_id, total, unit, started_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
       ON CONFLICT (tenant_id, resource_id, kind) WHERE state = 'running' DO UPDATE SET version = operation.version
       RETURNING id`,
      [tenantId, id, kind, resourceType, resourceId, total, unit, startedAt],
    );
    if (!row) throw new Error('PostgreSQL returned no row for an insert or update of one');
    return row.id;
  }

  /** The statement that moves a running operation on; for the one round trip that also commits. */
  advance({ tenantId, resourceId, kind }: RunningOperation, done: number, total: number): DeferredStatement {
    return {
      sql: `UPDATE operation SET done = done + $4, total = total + $5, version = version + 1
             WHERE tenant_id = $1 AND resource_id = $2 AND kind = $3 AND state = 'running'`,
      params: [tenantId, resourceId, kind, done, total],
    };
  }

  async finish(
    tx: Tx,
    { tenantId, resourceId, kind }: RunningOperation,
    outcome: { state: OperationState; error: OperationError | null; finishedAt: Date },
  ): Promise<void> {
    await tx.execute(
      `UPDATE operation SET state = $4, error = $5, finished_at = $6, version = version + 1
        WHERE tenant_id = $1 AND resource_id = $2 AND kind = $3 AND state = 'running'`,
      [
        tenantId,
        resourceId,
        kind,
        outcome.state,
        outcome.error === null ? null : JSON.stringify(outcome.error),
        outcome.finishedAt,
      ],
    );
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: OperationId): Promise<OperationEntity> {
    const operation = await tx.manager.findOneBy(OperationEntity, { tenantId, id });
    if (!operation) throw new NotFoundError('operation', id);
    return operation;
  }

  list(tx: Tx, tenantId: TenantId, page: PageRequest, filter: OperationFilter): Promise<Page<OperationEntity>> {
    return pageOfEntities(tx, OperationEntity, page, { tenantId, ...filter });
  }
}
