import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, UnitOfWork } from '#database';
import type { OpContext, OperationId } from '#kernel';
import type { OperationEntity } from '../infra/operation.entity.js';
import { type OperationFilter, OperationRepository } from '../infra/operation.repository.js';

@Injectable()
export class OperationQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly operations: OperationRepository,
  ) {}

  /** @throws NotFoundError */
  operation(ctx: OpContext, id: OperationId): Promise<OperationEntity> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'operation:read');
      return this.operations.get(tx, ctx.tenantId, id);
    });
  }

  list(ctx: OpContext, page: PageRequest, filter: OperationFilter): Promise<Page<OperationEntity>> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'operation:read');
      return this.operations.list(tx, ctx.tenantId, page, filter);
    });
  }
}
