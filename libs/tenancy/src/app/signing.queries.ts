import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Page, type PageRequest, UnitOfWork } from '#database';
import type { OpContext, SigningKeyId } from '#kernel';
import { LogIdentity } from '#ledger';
import { enrolmentStatement } from '#proof';
import type { SignaturePolicyEntity } from '../infra/signature-policy.entity.js';
import { SignaturePolicyRepository } from '../infra/signature-policy.repository.js';
import type { SigningKeyEntity } from '../infra/signing-key.entity.js';
import { SigningKeyRepository } from '../infra/signing-key.repository.js';
import { TenantRepository } from '../infra/tenant.repository.js';

/** What a client needs to make the statement that enrols a key of its user. */
export interface Enrolment {
  origin: string;
  tenantId: string;
  userId: string;
  rootPublicKey: string | null;
  statement: string;
}

/** Reads of signing keys and of the tenant's policy about them. */
@Injectable()
export class SigningQueries {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly log: LogIdentity,
    private readonly tenants: TenantRepository,
    private readonly signingKeys: SigningKeyRepository,
    private readonly policies: SignaturePolicyRepository,
  ) {}

  enrolment(ctx: OpContext): Promise<Enrolment> {
    return this.uow.read(ctx, async (tx) => {
      requirePermission(ctx, 'signing-key:write');
      const { rootPublicKey } = await this.tenants.get(tx, ctx.tenantId);
      const { origin } = this.log;
      const { tenantId } = ctx;
      const open = { keyId: '{keyId}', publicKey: '{publicKey}', enrolledBy: '{enrolledBy}' };
      const userId = ctx.actor.id;
      const statement = enrolmentStatement({ origin, tenant: tenantId }, { userId, ...open });
      return { origin, tenantId, userId, rootPublicKey: rootPublicKey?.toString('base64') ?? null, statement };
    });
  }

  key(ctx: OpContext, id: SigningKeyId): Promise<SigningKeyEntity> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'signing-key:read');
      return this.signingKeys.get(tx, ctx.tenantId, id);
    });
  }

  keys(ctx: OpContext, page: PageRequest): Promise<Page<SigningKeyEntity>> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'signing-key:read');
      return this.signingKeys.list(tx, ctx.tenantId, page);
    });
  }

  policy(ctx: OpContext): Promise<SignaturePolicyEntity> {
    return this.uow.read(ctx, (tx) => {
      requirePermission(ctx, 'tenant:read');
      return this.policies.get(tx, ctx.tenantId);
    });
  }
}
