import { Controller } from '@nestjs/common';
import { Endpoint, Op } from '#http';
import type { OpContext } from '#kernel';
import { TenancyQueries } from '../app/tenancy.queries.js';
import { quotasSchema, tenantSchema } from './tenancy.schemas.js';
import { tenantView } from './tenancy.views.js';

/** What a tenant sees of itself. */
@Controller('v1/tenant')
export class OwnTenantController {
  constructor(private readonly queries: TenancyQueries) {}

  @Endpoint({
    method: 'GET',
    summary: "Read one's own tenant",
    permission: 'tenant:read',
    reply: tenantSchema,
    view: tenantView,
  })
  get(@Op() op: OpContext) {
    return this.queries.tenant(op, op.tenantId);
  }

  @Endpoint({
    method: 'GET',
    path: 'quotas',
    summary: "Read one's own quotas",
    permission: 'tenant:read',
    reply: quotasSchema,
  })
  async quotas(@Op() op: OpContext) {
    return { quotas: await this.queries.quotasOf(op, op.tenantId) };
  }
}
