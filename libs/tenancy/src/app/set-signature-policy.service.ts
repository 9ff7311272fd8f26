import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { ConflictError, type OpContext, requireMatch } from '#kernel';
import { LedgerWriter } from '#ledger';
import type { SignaturePolicyEntity } from '../infra/signature-policy.entity.js';
import { SignaturePolicyRepository } from '../infra/signature-policy.repository.js';
import { SigningKeyRepository } from '../infra/signing-key.repository.js';
import { signaturePolicyRecord } from './tenancy-records.js';

export interface SetSignaturePolicy {
  mode: 'optional' | 'required';
  /** Actions, or patterns such as `subnet.*`; none of them: all actions. */
  actions: string[];
}

/**
 * Says which actions a tenant's users must sign. The ledger's writer holds every change to it. Once anything must be signed,
 * so must a change of this.
 */
@Injectable()
export class SetSignaturePolicyService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly policies: SignaturePolicyRepository,
    private readonly keys: SigningKeyRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  /** @throws ConflictError `NoSigningKey`, SignatureRequiredError */
  execute(ctx: OpContext, { mode, actions }: SetSignaturePolicy): Promise<SignaturePolicyEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'signature-policy:write');
      await this.policies.lock(tx, ctx.tenantId);
      const policy = await this.policies.get(tx, ctx.tenantId);
      requireMatch(ctx, { id: `signature policy of ${ctx.tenantId}`, version: policy.version });
      const required = mode === 'required';
      if (required && (await this.keys.active(tx, ctx.tenantId)).length === 0) throw noSigningKey();
      const before = policy.version === 0 ? null : signaturePolicyRecord(policy);
      Object.assign(policy, { required, actions, version: policy.version + 1 });
      await this.policies.save(tx, policy);
      this.ledger.append(tx, {
        class: 'configuration',
        action: 'signature-policy.set',
        resource: { type: 'signature-policy', id: ctx.tenantId, version: policy.version },
        before,
        after: signaturePolicyRecord(policy),
      });
      return policy;
    });
  }
}

function noSigningKey(): ConflictError {
  return new ConflictError(
    'NoSigningKey',
    'Nobody of your tenant could sign: there is no signing key that is not revoked.',
    {
      errors: [
        {
          pointer: '/mode',
          rule: 'signature-policy.signable',
          message: 'no signing key is enrolled',
          fix: 'enrol one first: POST /v1/signing-keys, or "freehold signing-key create"',
        },
      ],
    },
  );
}
