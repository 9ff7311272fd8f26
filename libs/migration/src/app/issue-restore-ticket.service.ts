import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { Clock, type DatasetId, type OpContext } from '#kernel';
import { DatasetRepository } from '../infra/dataset.repository.js';
import { type IssuedTicket, TicketIssuer } from './ticket-issuer.js';

@Injectable()
export class IssueRestoreTicketService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly datasets: DatasetRepository,
    private readonly tickets: TicketIssuer,
  ) {}

  /** A ticket for the ciphertext of one dataset. Changes nothing, and what it opens only the tenant can decrypt. */
  execute(ctx: OpContext, id: DatasetId): Promise<IssuedTicket> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'migration:read');
      await this.datasets.get(tx, ctx.tenantId, id);
      return this.tickets.restore(ctx.tenantId, id, this.clock.now());
    });
  }
}
