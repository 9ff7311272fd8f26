import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { type ApiKeyId, Clock, ConflictError, type OpContext, requireMatch } from '#kernel';
import { LedgerWriter } from '#ledger';
import type { ApiKeyEntity } from '../infra/api-key.entity.js';
import { ApiKeyRepository } from '../infra/api-key.repository.js';
import { apiKeyRecord } from './tenancy-records.js';

/** A revoked key stops working at once, in every process; its row stays, so that old entries still name it. */
@Injectable()
export class RevokeApiKeyService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly keys: ApiKeyRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  execute(ctx: OpContext, id: ApiKeyId): Promise<ApiKeyEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'key:write');
      const key = await this.keys.lock(tx, ctx.tenantId, id);
      requireMatch(ctx, key);
      if (key.revokedAt !== null) throw new ConflictError('AlreadyRevoked', `API key ${id} is revoked already.`);
      const before = apiKeyRecord(key);
      Object.assign(key, { revokedAt: this.clock.now(), version: key.version + 1 });
      await this.keys.save(tx, key);
      this.ledger.append(tx, {
        class: 'configuration',
        action: 'api-key.revoked',
        resource: { type: 'api-key', id, version: key.version },
        before,
        after: apiKeyRecord(key),
      });
      return key;
    });
  }
}
