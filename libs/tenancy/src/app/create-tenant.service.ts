import { Injectable } from '@nestjs/common';
import { ApiKeyHasher, requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { Clock, newId, type OpContext } from '#kernel';
import { LedgerWriter, TenantChains } from '#ledger';
import { nodeCrypto, viewKeyCommitment } from '#proof';
import { foldName } from '../domain/fold-name.js';
import { ApiKeyRepository } from '../infra/api-key.repository.js';
import { TenantEntity } from '../infra/tenant.entity.js';
import { TenantRepository } from '../infra/tenant.repository.js';
import { UserEntity } from '../infra/user.entity.js';
import { UserRepository } from '../infra/user.repository.js';
import { type IssuedApiKey, issueApiKey } from './create-api-key.service.js';
import { tenantRecord, userRecord } from './tenancy-records.js';

export interface CreateTenant {
  name: string;
  /** Ed25519, 32 bytes: the root of the tenant's own trust, pinned by its auditors. */
  rootPublicKey: Uint8Array;
  /** 32 bytes: with it the tenant's entries can be told from everybody else's. Kept sealed; the ledger holds its commitment. */
  viewKey: Uint8Array;
}

export interface CreatedTenant {
  tenant: TenantEntity;
  owner: UserEntity;
  issued: IssuedApiKey;
}

/**
 * Creates a tenant with its first owner and that owner's API key. The genesis entry of the tenant's chain pins its root
 * key and commits to its view key; the operator's own chain records that the tenant was created.
 */
@Injectable()
export class CreateTenantService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly tenants: TenantRepository,
    private readonly users: UserRepository,
    private readonly keys: ApiKeyRepository,
    private readonly hasher: ApiKeyHasher,
    private readonly ledger: LedgerWriter,
    private readonly chains: TenantChains,
  ) {}

  execute(ctx: OpContext, input: CreateTenant): Promise<CreatedTenant> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'system:tenant:write');
      const tenant = this.plan(input);
      await this.tenants.insert(tx, tenant);
      this.ledger.append(tx, {
        class: 'system',
        action: 'tenant.created',
        resource: { type: 'tenant', id: tenant.id, version: 1 },
        before: null,
        after: tenantRecord(tenant),
      });
      return tx.asTenant(tenant.id, () => this.populate(tx, tenant, input.viewKey));
    });
  }

  private plan(input: CreateTenant): TenantEntity {
    const now = this.clock.now();
    return Object.assign(new TenantEntity(), {
      id: newId('tenant', now.getTime()),
      name: input.name,
      nameFolded: foldName(input.name),
      suspended: false,
      deleted: false,
      rootPublicKey: Buffer.from(input.rootPublicKey),
      viewKeyCommitment: Buffer.from(viewKeyCommitment(nodeCrypto, input.viewKey), 'hex'),
      version: 1,
      createdAt: now,
    });
  }

  private async populate(tx: Tx, tenant: TenantEntity, viewKey: Uint8Array): Promise<CreatedTenant> {
    await this.chains.open(tx, tenant.id, viewKey);
    this.ledger.append(tx, {
      tenantId: tenant.id,
      class: 'system',
      action: 'tenant.genesis',
      resource: { type: 'tenant', id: tenant.id, version: 1 },
      before: null,
      after: tenantRecord(tenant),
    });
    const owner = Object.assign(new UserEntity(), {
      tenantId: tenant.id,
      id: newId('user', tenant.createdAt.getTime()),
      name: 'owner',
      nameFolded: 'owner',
      roles: ['tenant-owner'],
      version: 1,
      createdAt: tenant.createdAt,
    });
    await this.users.insert(tx, owner);
    this.ledger.append(tx, {
      tenantId: tenant.id,
      class: 'configuration',
      action: 'user.created',
      resource: { type: 'user', id: owner.id, version: 1 },
      before: null,
      after: userRecord(owner),
    });
    const issuing = { tx, keys: this.keys, hasher: this.hasher, ledger: this.ledger, now: tenant.createdAt };
    return { tenant, owner, issued: await issueApiKey(issuing, owner, { name: 'first key of the owner' }) };
  }
}
