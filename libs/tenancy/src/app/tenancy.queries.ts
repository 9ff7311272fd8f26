import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, UnitOfWork } from '#database';
import type { ApiKeyId, OpContext, TenantId, UserId } from '#kernel';
import type { ApiKeyEntity } from '../infra/api-key.entity.js';
import { ApiKeyRepository } from '../infra/api-key.repository.js';
import { QuotaRepository } from '../infra/quota.repository.js';
import type { TenantEntity } from '../infra/tenant.entity.js';
import { TenantRepository } from '../infra/tenant.repository.js';
import type { UserEntity } from '../infra/user.entity.js';
import { UserRepository } from '../infra/user.repository.js';

/** Reads of tenants, users and keys. */
@Injectable()
export class TenancyQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly tenants: TenantRepository,
    private readonly users: UserRepository,
    private readonly keys: ApiKeyRepository,
    private readonly quotas: QuotaRepository,
  ) {}

  tenant(ctx: OpContext, id: TenantId): Promise<TenantEntity> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, id === ctx.tenantId ? 'tenant:read' : 'system:tenant:read');
      return this.tenants.get(tx, id);
    });
  }

  listTenants(ctx: OpContext, page: PageRequest): Promise<Page<TenantEntity>> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'system:tenant:read');
      return this.tenants.list(tx, page);
    });
  }

  quotasOf(ctx: OpContext, id: TenantId): Promise<Record<string, number>> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, id === ctx.tenantId ? 'tenant:read' : 'system:tenant:read');
      await this.tenants.get(tx, id);
      return tx.asTenant(id, () => this.quotas.all(tx, id));
    });
  }

  user(ctx: OpContext, id: UserId): Promise<UserEntity> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'user:read');
      return this.users.get(tx, ctx.tenantId, id);
    });
  }

  listUsers(ctx: OpContext, page: PageRequest): Promise<Page<UserEntity>> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'user:read');
      return this.users.list(tx, ctx.tenantId, page);
    });
  }

  apiKey(ctx: OpContext, id: ApiKeyId): Promise<ApiKeyEntity> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'key:read');
      return this.keys.get(tx, ctx.tenantId, id);
    });
  }

  listApiKeys(ctx: OpContext, page: PageRequest): Promise<Page<ApiKeyEntity>> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'key:read');
      return this.keys.list(tx, ctx.tenantId, page);
    });
  }
}
