import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { ConflictError, DependencyViolationError, type OpContext, requireMatch, type TenantId } from '#kernel';
import { LedgerWriter } from '#ledger';
import { ApiKeyRepository } from '../infra/api-key.repository.js';
import type { TenantEntity } from '../infra/tenant.entity.js';
import { TenantRepository } from '../infra/tenant.repository.js';
import { tenantRecord } from './tenancy-records.js';
import { TenantContents } from './tenant-contents.js';

/** Suspends, resumes and deletes tenants. Each is recorded in the operator's chain and in the tenant's own. */
@Injectable()
export class ChangeTenantService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly tenants: TenantRepository,
    private readonly keys: ApiKeyRepository,
    private readonly ledger: LedgerWriter,
    private readonly contents: TenantContents,
  ) {}

  suspend(ctx: OpContext, id: TenantId): Promise<TenantEntity> {
    return this.setSuspended(ctx, id, true);
  }

  resume(ctx: OpContext, id: TenantId): Promise<TenantEntity> {
    return this.setSuspended(ctx, id, false);
  }

  /** The row and the chain stay, for the auditors; the name is free again. @throws DependencyViolationError */
  delete(ctx: OpContext, id: TenantId): Promise<TenantEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'system:tenant:write');
      const tenant = await this.tenants.lock(tx, id);
      requireMatch(ctx, tenant);
      const blockers = await tx.asTenant(id, () => this.contents.blockers(tx, id));
      if (blockers.length > 0) throw new DependencyViolationError('tenant', id, blockers);
      await tx.asTenant(id, () => this.keys.deleteAll(tx, id));
      return this.change(tx, tenant, 'tenant.deleted', { deleted: true });
    });
  }

  private setSuspended(ctx: OpContext, id: TenantId, suspended: boolean): Promise<TenantEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'system:tenant:write');
      const tenant = await this.tenants.lock(tx, id);
      requireMatch(ctx, tenant);
      if (tenant.suspended === suspended) {
        throw new ConflictError('AlreadyInState', `tenant ${id} is ${suspended ? 'suspended' : 'active'} already`);
      }
      return this.change(tx, tenant, suspended ? 'tenant.suspended' : 'tenant.resumed', { suspended });
    });
  }

  private async change(tx: Tx, tenant: TenantEntity, action: string, to: Partial<TenantEntity>): Promise<TenantEntity> {
    const before = tenantRecord(tenant);
    Object.assign(tenant, to, { version: tenant.version + 1 });
    await this.tenants.save(tx, tenant);
    const entry = {
      class: 'system' as const,
      action,
      resource: { type: 'tenant', id: tenant.id, version: tenant.version },
      before,
      after: tenant.deleted ? null : tenantRecord(tenant),
    };
    this.ledger.append(tx, entry);
    this.ledger.append(tx, { ...entry, tenantId: tenant.id });
    return tenant;
  }
}
