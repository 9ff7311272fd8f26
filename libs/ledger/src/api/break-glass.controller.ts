import { Controller } from '@nestjs/common';
import { BodyInput, Endpoint, Op, PathInput } from '#http';
import type { OpContext, TenantId } from '#kernel';
import { type BreakGlass, BreakGlassService, type BrokenGlass } from '../app/break-glass.service.js';
import { breakGlassBody, breakGlassParams, brokenGlassSchema } from './break-glass.schemas.js';
import { ledgerEntryView } from './ledger-entry.view.js';

@Controller('v1/system/tenants')
export class BreakGlassController {
  constructor(private readonly glass: BreakGlassService) {}

  @Endpoint({
    method: 'POST',
    path: ':tenantId/break-glass',
    summary: "Read a tenant's ledger entries as the operator, for a reason that the tenant will see",
    description:
      "The only way for the operator to read what a tenant's entries say. Who read which of them, and why, is recorded in the tenant's own chain and in the operator's.",
    permission: 'system:break-glass',
    params: breakGlassParams,
    body: breakGlassBody,
    reply: brokenGlassSchema,
    view: brokenGlassView,
    secretField: 'entries',
  })
  read(@Op() op: OpContext, @PathInput() { tenantId }: { tenantId: TenantId }, @BodyInput() input: BreakGlass) {
    return this.glass.execute(op, tenantId, input);
  }
}

function brokenGlassView({ tenantId, reason, entries }: BrokenGlass) {
  return { tenantId, reason, entries: entries?.map(ledgerEntryView) ?? null };
}
