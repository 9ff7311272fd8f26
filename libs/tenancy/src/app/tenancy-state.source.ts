import { Injectable } from '@nestjs/common';
import { allPages, type PageRequest, pageOfEntities, type Tx } from '#database';
import { type OpContext, SYSTEM_TENANT_ID } from '#kernel';
import { type LedgerStateSource, STATE_PAGE } from '#ledger';
import type { StateRecord } from '#proof';
import { ApiKeyRepository } from '../infra/api-key.repository.js';
import { QuotaRepository, type SetQuota } from '../infra/quota.repository.js';
import { SignaturePolicyRepository } from '../infra/signature-policy.repository.js';
import { SigningKeyRepository } from '../infra/signing-key.repository.js';
import { TenantEntity } from '../infra/tenant.entity.js';
import { UserRepository } from '../infra/user.repository.js';
import {
  apiKeyRecord,
  quotaRecord,
  signaturePolicyRecord,
  signingKeyRecord,
  tenantRecord,
  userRecord,
} from './tenancy-records.js';

/** Tenants, users, keys, signature policies and quotas as the ledger tells them. The operator's chain tells of all tenants and their quotas. */
@Injectable()
export class TenancyStateSource implements LedgerStateSource {
  readonly types = ['tenant', 'user', 'api-key', 'signing-key', 'signature-policy', 'quota'];

  constructor(
    private readonly users: UserRepository,
    private readonly keys: ApiKeyRepository,
    private readonly signingKeys: SigningKeyRepository,
    private readonly policies: SignaturePolicyRepository,
    private readonly quotas: QuotaRepository,
  ) {}

  async *read(tx: Tx, { tenantId }: OpContext): AsyncGenerator<StateRecord[]> {
    const own = tenantId === SYSTEM_TENANT_ID ? {} : { id: tenantId };
    const tenants = (page: PageRequest) => pageOfEntities(tx, TenantEntity, page, { ...own, deleted: false });
    for await (const page of allPages(tenants, STATE_PAGE)) {
      yield page.map((tenant) => ({ ...named('tenant', tenant), state: tenantRecord(tenant) }));
    }
    for await (const page of allPages((request) => this.users.list(tx, tenantId, request), STATE_PAGE)) {
      yield page.map((user) => ({ ...named('user', user), state: userRecord(user) }));
    }
    for await (const page of allPages((request) => this.keys.list(tx, tenantId, request), STATE_PAGE)) {
      yield page.map((key) => ({ ...named('api-key', key), state: apiKeyRecord(key) }));
    }
    for await (const page of allPages((request) => this.signingKeys.list(tx, tenantId, request), STATE_PAGE)) {
      yield page.map((key) => ({ ...named('signing-key', key), state: signingKeyRecord(key) }));
    }
    const policy = await this.policies.get(tx, tenantId);
    if (policy.version > 0) {
      const { version } = policy;
      yield [{ type: 'signature-policy', id: tenantId, version, state: signaturePolicyRecord(policy) }];
    }
    yield* this.setQuotas(tx, tenantId);
  }

  private async *setQuotas(tx: Tx, tenantId: OpContext['tenantId']): AsyncGenerator<StateRecord[]> {
    for (let last: SetQuota | undefined; ; ) {
      const page: SetQuota[] = await this.quotas.setPage(tx, tenantId, last, STATE_PAGE);
      yield page.map((set) => ({
        type: 'quota',
        id: `${set.tenantId}/${set.quota}`,
        version: null,
        state: quotaRecord(set),
      }));
      if (page.length < STATE_PAGE) return;
      last = page.at(-1);
    }
  }
}

function named(type: string, { id, version }: { id: string; version: number }) {
  return { type, id, version };
}
