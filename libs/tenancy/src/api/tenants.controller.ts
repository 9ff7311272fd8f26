import { Controller } from '@nestjs/common';
import type { PageRequest } from '#database';
import { BodyInput, Endpoint, Op, PathInput, pageView, QueryInput, recordedSchema } from '#http';
import type { OpContext, TenantId } from '#kernel';
import { ChangeTenantService } from '../app/change-tenant.service.js';
import { type CreateTenant, CreateTenantService } from '../app/create-tenant.service.js';
import { SetQuotaService } from '../app/set-quota.service.js';
import { TenancyQueries } from '../app/tenancy.queries.js';
import { parseQuota } from '../domain/quotas.js';
import * as schemas from './tenancy.schemas.js';
import { createdTenantView, tenantView } from './tenancy.views.js';

const changedTenant = schemas.tenantSchema.extend(recordedSchema.shape);

/** The operator's side of tenancy. */
@Controller('v1/system/tenants')
export class TenantsController {
  constructor(
    private readonly createTenant: CreateTenantService,
    private readonly changeTenant: ChangeTenantService,
    private readonly setQuota: SetQuotaService,
    private readonly queries: TenancyQueries,
  ) {}

  @Endpoint({
    method: 'POST',
    summary: 'Create a tenant with its first owner and key',
    permission: 'system:tenant:write',
    body: schemas.createTenantSchema,
    reply: schemas.createdTenantSchema,
    view: createdTenantView,
    secretField: 'ownerApiKey',
    secretBody: true,
  })
  create(@Op() op: OpContext, @BodyInput() input: CreateTenant) {
    return this.createTenant.execute(op, input);
  }

  @Endpoint({
    method: 'GET',
    summary: 'List tenants',
    permission: 'system:tenant:read',
    query: schemas.listQuery,
    reply: schemas.tenantPage,
    view: pageView(tenantView),
  })
  list(@Op() op: OpContext, @QueryInput() page: PageRequest) {
    return this.queries.listTenants(op, page);
  }

  @Endpoint({
    method: 'GET',
    path: ':tenantId',
    summary: 'Read a tenant',
    permission: 'system:tenant:read',
    params: schemas.tenantParams,
    reply: schemas.tenantSchema,
    view: tenantView,
  })
  get(@Op() op: OpContext, @PathInput() { tenantId }: { tenantId: TenantId }) {
    return this.queries.tenant(op, tenantId);
  }

  @Endpoint({
    method: 'POST',
    path: ':tenantId/suspend',
    summary: 'Suspend a tenant: its keys stop working, its networks and data stay',
    permission: 'system:tenant:write',
    params: schemas.tenantParams,
    reply: changedTenant,
    status: 200,
    view: tenantView,
  })
  suspend(@Op() op: OpContext, @PathInput() { tenantId }: { tenantId: TenantId }) {
    return this.changeTenant.suspend(op, tenantId);
  }

  @Endpoint({
    method: 'POST',
    path: ':tenantId/resume',
    summary: 'Resume a suspended tenant',
    permission: 'system:tenant:write',
    params: schemas.tenantParams,
    reply: changedTenant,
    status: 200,
    view: tenantView,
  })
  resume(@Op() op: OpContext, @PathInput() { tenantId }: { tenantId: TenantId }) {
    return this.changeTenant.resume(op, tenantId);
  }

  @Endpoint({
    method: 'DELETE',
    path: ':tenantId',
    summary: 'Delete an empty tenant; its ledger stays',
    permission: 'system:tenant:write',
    params: schemas.tenantParams,
    reply: changedTenant,
    view: tenantView,
  })
  delete(@Op() op: OpContext, @PathInput() { tenantId }: { tenantId: TenantId }) {
    return this.changeTenant.delete(op, tenantId);
  }

  @Endpoint({
    method: 'GET',
    path: ':tenantId/quotas',
    summary: "Read a tenant's quotas",
    permission: 'system:tenant:read',
    params: schemas.tenantParams,
    reply: schemas.quotasSchema,
  })
  async quotas(@Op() op: OpContext, @PathInput() { tenantId }: { tenantId: TenantId }) {
    return { quotas: await this.queries.quotasOf(op, tenantId) };
  }

  @Endpoint({
    method: 'PUT',
    path: ':tenantId/quotas/:quota',
    summary: "Set one of a tenant's quotas",
    permission: 'system:tenant:write',
    params: schemas.quotaParams,
    body: schemas.setQuotaSchema,
    reply: schemas.quotaSetSchema,
  })
  setOne(
    @Op() op: OpContext,
    @PathInput() { tenantId, quota }: { tenantId: TenantId; quota: string },
    @BodyInput() { allowed }: { allowed: number },
  ) {
    return this.setQuota.execute(op, { tenantId, quota: parseQuota(quota), allowed });
  }
}
