import { Injectable } from '@nestjs/common';
import { ApiKeyHasher, formatApiKey, newApiKeySecret, permissionsOf, requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import {
  Clock,
  ForbiddenError,
  NotFoundError,
  newId,
  type OpContext,
  ReferenceNotFoundError,
  type Role,
  type UserId,
} from '#kernel';
import { LedgerWriter } from '#ledger';
import { ApiKeyEntity } from '../infra/api-key.entity.js';
import { ApiKeyRepository } from '../infra/api-key.repository.js';
import { QuotaRepository } from '../infra/quota.repository.js';
import type { UserEntity } from '../infra/user.entity.js';
import { UserRepository } from '../infra/user.repository.js';
import { apiKeyRecord } from './tenancy-records.js';

export interface CreateApiKey {
  userId: UserId;
  name: string;
  scopes?: string[];
  expiresAt?: Date;
}

/** A new key with the only sight of its secret. */
export interface IssuedApiKey {
  key: ApiKeyEntity;
  secret: string;
}

@Injectable()
export class CreateApiKeyService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly users: UserRepository,
    private readonly keys: ApiKeyRepository,
    private readonly quotas: QuotaRepository,
    private readonly hasher: ApiKeyHasher,
    private readonly ledger: LedgerWriter,
  ) {}

  /** Nobody hands out more than they hold: the new key's permissions must be a part of the caller's. */
  execute(ctx: OpContext, input: CreateApiKey): Promise<IssuedApiKey> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'key:write');
      await this.quotas.lock(tx, ctx.tenantId);
      await this.quotas.require(tx, ctx.tenantId, 'api-keys', await this.keys.count(tx, ctx.tenantId));
      const user = await this.users.lock(tx, ctx.tenantId, input.userId).catch((error: unknown) => {
        throw error instanceof NotFoundError ? new ReferenceNotFoundError('user', input.userId, '/userId') : error;
      });
      requireCovered(ctx, user.roles, input.scopes ?? null);
      return issueApiKey(
        { tx, keys: this.keys, hasher: this.hasher, ledger: this.ledger, now: this.clock.now() },
        user,
        input,
      );
    });
  }
}

/** @throws ForbiddenError when roles and scopes together allow something that the caller may not do. */
export function requireCovered(ctx: OpContext, roles: readonly Role[], scopes: readonly string[] | null): void {
  for (const permission of permissionsOf(roles, scopes)) {
    if (!ctx.permissions.has(permission)) throw new ForbiddenError(permission);
  }
}

interface Issuing {
  tx: Tx;
  keys: ApiKeyRepository;
  hasher: ApiKeyHasher;
  ledger: LedgerWriter;
  now: Date;
}

/** Draws and stores a key and records it; the caller has checked that it may be. */
export async function issueApiKey(
  { tx, keys, hasher, ledger, now }: Issuing,
  user: UserEntity,
  input: { name: string; scopes?: string[]; expiresAt?: Date },
): Promise<IssuedApiKey> {
  const secret = newApiKeySecret();
  const key = Object.assign(new ApiKeyEntity(), {
    tenantId: user.tenantId,
    id: newId('apiKey', now.getTime()),
    userId: user.id,
    name: input.name,
    secretHmac: hasher.hash(secret),
    scopes: input.scopes ?? null,
    expiresAt: input.expiresAt ?? null,
    revokedAt: null,
    version: 1,
    createdAt: now,
  });
  await keys.insert(tx, key);
  ledger.append(tx, {
    tenantId: user.tenantId,
    class: 'configuration',
    action: 'api-key.created',
    resource: { type: 'api-key', id: key.id, version: 1 },
    before: null,
    after: apiKeyRecord(key),
  });
  return { key, secret: formatApiKey(key.id, secret) };
}
