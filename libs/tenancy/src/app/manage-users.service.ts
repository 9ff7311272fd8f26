import { Injectable } from '@nestjs/common';
import { OPERATOR_ROLES, requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import {
  Clock,
  ConflictError,
  DependencyViolationError,
  InvalidInputError,
  newId,
  type OpContext,
  type Role,
  requireMatch,
  SYSTEM_TENANT_ID,
  type TenantId,
  type UserId,
} from '#kernel';
import { LedgerWriter } from '#ledger';
import { foldName } from '../domain/fold-name.js';
import { ApiKeyRepository } from '../infra/api-key.repository.js';
import { QuotaRepository } from '../infra/quota.repository.js';
import { SigningKeyRepository } from '../infra/signing-key.repository.js';
import { UserEntity } from '../infra/user.entity.js';
import { UserRepository } from '../infra/user.repository.js';
import { requireCovered } from './create-api-key.service.js';
import { userRecord } from './tenancy-records.js';

export interface UserInput {
  name: string;
  roles: Role[];
}

/** Users of one tenant. Nobody gives a role that allows more than they may do themselves. */
@Injectable()
export class ManageUsersService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly users: UserRepository,
    private readonly keys: ApiKeyRepository,
    private readonly signingKeys: SigningKeyRepository,
    private readonly quotas: QuotaRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  create(ctx: OpContext, input: UserInput): Promise<UserEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'user:write');
      requireRolesOf(ctx.tenantId, input.roles);
      requireCovered(ctx, input.roles, null);
      await this.quotas.lock(tx, ctx.tenantId);
      await this.quotas.require(tx, ctx.tenantId, 'users', await this.users.count(tx, ctx.tenantId));
      const now = this.clock.now();
      const user = Object.assign(new UserEntity(), {
        tenantId: ctx.tenantId,
        id: newId('user', now.getTime()),
        name: input.name,
        nameFolded: foldName(input.name),
        roles: input.roles,
        version: 1,
        createdAt: now,
      });
      await this.users.insert(tx, user);
      this.ledger.append(tx, {
        class: 'configuration',
        action: 'user.created',
        resource: { type: 'user', id: user.id, version: 1 },
        before: null,
        after: userRecord(user),
      });
      return user;
    });
  }

  update(ctx: OpContext, id: UserId, input: Partial<UserInput>): Promise<UserEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'user:write');
      await this.quotas.lock(tx, ctx.tenantId);
      const user = await this.users.lock(tx, ctx.tenantId, id);
      requireMatch(ctx, user);
      if (input.roles) {
        requireRolesOf(ctx.tenantId, input.roles);
        requireCovered(ctx, input.roles, null);
        if (!keepsAdministrator(user, input.roles)) await this.requireOtherAdministrator(tx, user);
      }
      const before = userRecord(user);
      if (input.name !== undefined) Object.assign(user, { name: input.name, nameFolded: foldName(input.name) });
      Object.assign(user, { roles: input.roles ?? user.roles, version: user.version + 1 });
      await this.users.save(tx, user);
      this.ledger.append(tx, {
        class: 'configuration',
        action: 'user.updated',
        resource: { type: 'user', id: user.id, version: user.version },
        before,
        after: userRecord(user),
      });
      return user;
    });
  }

  /** @throws DependencyViolationError while the user has keys that are not revoked. */
  delete(ctx: OpContext, id: UserId): Promise<UserEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'user:write');
      await this.quotas.lock(tx, ctx.tenantId);
      const user = await this.users.lock(tx, ctx.tenantId, id);
      requireMatch(ctx, user);
      const keys = await this.keys.idsOfUser(tx, ctx.tenantId, id);
      const signingKeys = await this.signingKeys.active(tx, ctx.tenantId, id);
      const blockers = [
        ...keys.map((key) => ({ id: key, kind: 'api-key', fix: `DELETE /v1/api-keys/${key}` })),
        ...signingKeys.map((key) => ({ id: key.id, kind: 'signing-key', fix: `DELETE /v1/signing-keys/${key.id}` })),
      ];
      if (blockers.length > 0) throw new DependencyViolationError('user', id, blockers);
      if (!keepsAdministrator(user, [])) await this.requireOtherAdministrator(tx, user);
      await this.keys.deleteOfUser(tx, ctx.tenantId, id);
      await this.users.delete(tx, user);
      this.ledger.append(tx, {
        class: 'configuration',
        action: 'user.deleted',
        resource: { type: 'user', id, version: user.version + 1 },
        before: userRecord(user),
        after: null,
      });
      return user;
    });
  }

  private async requireOtherAdministrator(tx: Parameters<UserRepository['get']>[0], user: UserEntity): Promise<void> {
    const role = administratorRole(user.tenantId);
    if ((await this.users.othersWithRole(tx, user, role)) === 0) {
      throw new ConflictError(
        'LastAdministrator',
        `${user.id} is the last user with the role ${role}; give it to another user first.`,
      );
    }
  }
}

/** Who manages a tenant's users and vouches for their keys. */
export const administratorRole = (tenantId: TenantId): Role =>
  tenantId === SYSTEM_TENANT_ID ? 'operator' : 'tenant-owner';

function keepsAdministrator(user: UserEntity, roles: readonly Role[]): boolean {
  const role = administratorRole(user.tenantId);
  return !user.roles.includes(role) || roles.includes(role);
}

function requireRolesOf(tenantId: TenantId, roles: readonly Role[]): void {
  const operator = tenantId === SYSTEM_TENANT_ID;
  const wrong = roles.filter((role) => OPERATOR_ROLES.includes(role) !== operator);
  if (wrong.length === 0) return;
  throw new InvalidInputError([
    {
      pointer: '/roles',
      rule: 'role.of-this-tenant',
      message: `${wrong.join(', ')} is not a role of ${operator ? 'the operator' : 'a tenant'}`,
      fix: operator ? 'use operator' : 'use tenant-owner, editor, viewer, auditor or worker',
    },
  ]);
}
