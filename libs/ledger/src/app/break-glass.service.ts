import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { type LedgerEntryId, NotFoundError, type OpContext, SYSTEM_TENANT_ID, type TenantId } from '#kernel';
import { OpenLogRepository } from '../infra/open-log.repository.js';
import { type OwnEntry, OwnEntryRepository } from '../infra/own-entry.repository.js';
import { TenantChainRepository } from '../infra/tenant-chain.repository.js';
import { requireAll } from './disclose-entries.service.js';
import type { CoveredEntry } from './ledger-entry.queries.js';
import { LedgerWriter } from './ledger-writer.js';

/** A stretch of a tenant's list of entries. */
export interface ChainStretch {
  fromSeq: number;
  limit: number;
}

export interface BreakGlass {
  /** Why. The tenant reads it. */
  reason: string;
  entryIds?: LedgerEntryId[];
  scope?: ChainStretch;
}

export interface BrokenGlass {
  tenantId: TenantId;
  reason: string;
  /** Null in a dry run, which leaves no entry and therefore shows nothing. */
  entries: CoveredEntry[] | null;
}

/**
 * The one way in which the operator reads what a tenant's entries say: with a reason, and recorded in the tenant's own chain
 * and in the operator's, in the transaction that reads. Nothing is shown before that has committed.
 */
@Injectable()
export class BreakGlassService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly entries: OwnEntryRepository,
    private readonly chains: TenantChainRepository,
    private readonly log: OpenLogRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  /** @throws NotFoundError, ReferenceNotFoundError */
  async execute(ctx: OpContext, tenantId: TenantId, input: BreakGlass): Promise<BrokenGlass> {
    requirePermission(ctx, 'system:break-glass');
    const size = (await this.log.newestHead())?.size ?? 0;
    return this.uow.run(ctx, async (tx) => {
      const found = await tx.asTenant(tenantId, () => this.read(tx, tenantId, input));
      const after = {
        reason: input.reason,
        entryIds: found.map(({ id }) => id),
        scope: input.scope ? { ...input.scope } : null,
      };
      const entry = {
        class: 'audit' as const,
        action: 'break-glass.read',
        resource: { type: 'tenant', id: tenantId, version: null },
        before: null,
        after,
      };
      this.ledger.append(tx, entry);
      this.ledger.append(tx, { ...entry, tenantId });
      const shown = found.map((one) => ({ entry: one, published: isPublished(one, size), anchor: null }));
      return { tenantId, reason: input.reason, entries: ctx.dryRun ? null : shown };
    });
  }

  /** The operator's own entries are read as everybody reads theirs. */
  private async read(tx: Tx, tenantId: TenantId, { entryIds, scope }: BreakGlass): Promise<OwnEntry[]> {
    if (tenantId === SYSTEM_TENANT_ID || !(await this.chains.exists(tx, tenantId))) {
      throw new NotFoundError('tenant', tenantId);
    }
    if (entryIds) return requireAll(entryIds, await this.entries.byIds(tx, entryIds, tenantId));
    const { fromSeq, limit } = scope!;
    const sequences = Array.from({ length: limit }, (_, at) => fromSeq + at);
    return this.entries.bySequence(tx, sequences, tenantId);
  }
}

function isPublished({ place }: OwnEntry, size: number): boolean {
  return place !== null && place.index < size;
}
