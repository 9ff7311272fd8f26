import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ApiKeyHasher, permissionsOf } from '#auth';
import { SystemUnitOfWork } from '#database';
import { Clock, newId, type OpContext, SYSTEM_TENANT_ID } from '#kernel';
import { LedgerWriter, TenantChains } from '#ledger';
import { nodeCrypto, viewKeyCommitment } from '#proof';
import { ApiKeyRepository } from '../infra/api-key.repository.js';
import { TenantEntity } from '../infra/tenant.entity.js';
import { UserEntity } from '../infra/user.entity.js';
import { UserRepository } from '../infra/user.repository.js';
import { issueApiKey } from './create-api-key.service.js';
import { tenantRecord, userRecord } from './tenancy-records.js';

/** What the operator must keep; shown once. */
export interface OperatorCredentials {
  apiKey: string;
  /** The view key of the system chain, base64: with it auditors prove that the operator's own record is whole. */
  viewKey: string;
}

/** The operator's own tenant, its first user and key, and the genesis of the system chain: once in a deployment's life. */
@Injectable()
export class BootstrapOperatorService {
  constructor(
    private readonly uow: SystemUnitOfWork,
    private readonly clock: Clock,
    private readonly users: UserRepository,
    private readonly keys: ApiKeyRepository,
    private readonly hasher: ApiKeyHasher,
    private readonly ledger: LedgerWriter,
    private readonly chains: TenantChains,
  ) {}

  /** Gives the operator's credentials on the very first call, and null ever after. Several processes may call at once. */
  execute(): Promise<OperatorCredentials | null> {
    const now = this.clock.now();
    const viewKey = randomBytes(32);
    const ctx: OpContext = {
      actor: { type: 'system', id: 'bootstrap', keyId: null, roles: ['operator'] },
      tenantId: SYSTEM_TENANT_ID,
      permissions: permissionsOf(['operator'], null),
      requestId: newId('request', now.getTime()),
    };
    return this.uow.runAs(ctx, async (tx) => {
      const tenant = Object.assign(new TenantEntity(), {
        id: SYSTEM_TENANT_ID,
        name: 'operator',
        nameFolded: 'operator',
        suspended: false,
        deleted: false,
        rootPublicKey: null,
        viewKeyCommitment: Buffer.from(viewKeyCommitment(nodeCrypto, viewKey), 'hex'),
        version: 1,
        createdAt: now,
      });
      const { raw } = await tx.manager
        .createQueryBuilder()
        .insert()
        .into(TenantEntity)
        .values(tenant)
        .orIgnore()
        .returning('id')
        .execute();
      if ((raw as unknown[]).length === 0) return null;
      await this.chains.open(tx, SYSTEM_TENANT_ID, viewKey);
      this.ledger.append(tx, {
        class: 'system',
        action: 'tenant.genesis',
        resource: { type: 'tenant', id: SYSTEM_TENANT_ID, version: 1 },
        before: null,
        after: tenantRecord(tenant),
      });
      const operator = Object.assign(new UserEntity(), {
        tenantId: SYSTEM_TENANT_ID,
        id: newId('user', now.getTime()),
        name: 'operator',
        nameFolded: 'operator',
        roles: ['operator'],
        version: 1,
        createdAt: now,
      });
      await this.users.insert(tx, operator);
      this.ledger.append(tx, {
        class: 'system',
        action: 'user.created',
        resource: { type: 'user', id: operator.id, version: 1 },
        before: null,
        after: userRecord(operator),
      });
      const issuing = { tx, keys: this.keys, hasher: this.hasher, ledger: this.ledger, now };
      const { secret } = await issueApiKey(issuing, operator, { name: 'first key of the operator' });
      return { apiKey: secret, viewKey: viewKey.toString('base64') };
    });
  }
}
