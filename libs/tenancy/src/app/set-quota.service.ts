import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import type { OpContext, TenantId } from '#kernel';
import { LedgerWriter } from '#ledger';
import type { Quota } from '../domain/quotas.js';
import { QuotaRepository } from '../infra/quota.repository.js';
import { TenantRepository } from '../infra/tenant.repository.js';
import { quotaRecord } from './tenancy-records.js';

export interface QuotaSet {
  tenantId: TenantId;
  quota: Quota;
  allowed: number;
}

@Injectable()
export class SetQuotaService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly tenants: TenantRepository,
    private readonly quotas: QuotaRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  /** A quota below what is in use is kept: it stops growth and takes nothing away. */
  execute(ctx: OpContext, { tenantId, quota, allowed }: QuotaSet): Promise<QuotaSet> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'system:tenant:write');
      const tenant = await this.tenants.lock(tx, tenantId);
      const before = await tx.asTenant(tenantId, async () => {
        await this.quotas.lock(tx, tenantId);
        const known = await this.quotas.allowed(tx, tenantId, quota);
        await this.quotas.set(tx, tenantId, quota, allowed);
        return known;
      });
      const entry = {
        class: 'system' as const,
        action: 'quota.set',
        resource: { type: 'quota', id: `${tenantId}/${quota}`, version: tenant.version },
        before: quotaRecord({ quota, allowed: before }),
        after: quotaRecord({ quota, allowed }),
      };
      this.ledger.append(tx, entry);
      this.ledger.append(tx, { ...entry, tenantId });
      return { tenantId, quota, allowed };
    });
  }
}
