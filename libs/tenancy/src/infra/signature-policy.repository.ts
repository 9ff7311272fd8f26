import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { TenantId } from '#kernel';
import { SignaturePolicyEntity } from './signature-policy.entity.js';

@Injectable()
export class SignaturePolicyRepository {
  /** What the tenant said last; before that nothing need be signed, and the version is 0. */
  async get(tx: Tx, tenantId: TenantId): Promise<SignaturePolicyEntity> {
    const found = await tx.manager.findOneBy(SignaturePolicyEntity, { tenantId });
    return found ?? Object.assign(new SignaturePolicyEntity(), { tenantId, required: false, actions: [], version: 0 });
  }

  /** Changes of one tenant's policy and of its keys wait for each other until the transaction ends. */
  async lock(tx: Tx, tenantId: TenantId): Promise<void> {
    await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('signing ' || $1, 0))", [tenantId]);
  }

  async save(tx: Tx, policy: SignaturePolicyEntity): Promise<void> {
    await tx.manager.upsert(SignaturePolicyEntity, policy, ['tenantId']);
  }
}
