import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { Clock, ConflictError, type OpContext, requireMatch, type SigningKeyId } from '#kernel';
import { LedgerWriter } from '#ledger';
import { SignaturePolicyRepository } from '../infra/signature-policy.repository.js';
import type { SigningKeyEntity } from '../infra/signing-key.entity.js';
import { SigningKeyRepository } from '../infra/signing-key.repository.js';
import { signingKeyRecord } from './tenancy-records.js';

/**
 * A revoked key signs nothing from now on, in every process; what it signed before stays signed, and keys that it enrolled
 * stay enrolled. One's own key, or anybody's for who may change users.
 */
@Injectable()
export class RevokeSigningKeyService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly keys: SigningKeyRepository,
    private readonly policies: SignaturePolicyRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  /** @throws NotFoundError, ForbiddenError, ConflictError `AlreadyRevoked` */
  execute(ctx: OpContext, id: SigningKeyId): Promise<SigningKeyEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'signing-key:write');
      await this.policies.lock(tx, ctx.tenantId);
      const key = await this.keys.lock(tx, ctx.tenantId, id);
      if (key.userId !== ctx.actor.id) requirePermission(ctx, 'user:write');
      requireMatch(ctx, key);
      if (key.revokedAt !== null) throw new ConflictError('AlreadyRevoked', `Signing key ${id} is revoked already.`);
      const before = signingKeyRecord(key);
      Object.assign(key, { revokedAt: this.clock.now(), version: key.version + 1 });
      await this.keys.save(tx, key);
      this.ledger.append(tx, {
        class: 'configuration',
        action: 'signing-key.revoked',
        resource: { type: 'signing-key', id, version: key.version },
        before,
        after: signingKeyRecord(key),
      });
      return key;
    });
  }
}
