import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import {
  Clock,
  InvalidInputError,
  type OpContext,
  ReferenceNotFoundError,
  type SigningKeyId,
  type UserId,
} from '#kernel';
import { LedgerWriter, LogIdentity } from '#ledger';
import { utf8 } from '#merkle';
import { enrolmentStatement, nodeCrypto, ROOT_KEY } from '#proof';
import { isWeakEd25519Key } from '../domain/ed25519-key.js';
import { QuotaRepository } from '../infra/quota.repository.js';
import { SignaturePolicyRepository } from '../infra/signature-policy.repository.js';
import { SigningKeyEntity } from '../infra/signing-key.entity.js';
import { SigningKeyRepository } from '../infra/signing-key.repository.js';
import { TenantRepository } from '../infra/tenant.repository.js';
import { UserRepository } from '../infra/user.repository.js';
import { administratorRole } from './manage-users.service.js';
import { signingKeyRecord } from './tenancy-records.js';

export interface EnrolSigningKey {
  id: SigningKeyId;
  name: string;
  publicKey: Uint8Array;
  enrolledBy: SigningKeyId | typeof ROOT_KEY;
  signature: Uint8Array;
  possession: Uint8Array;
}

/**
 * Takes a user's own key into the tenant's chain of trust: somebody who is trusted already signed for it, and whoever asks
 * shows that they hold it. The entry carries both signatures, so that every auditor can follow the chain to the root key of
 * the tenant's first entry; the service cannot add a key of its own.
 */
@Injectable()
export class EnrolSigningKeyService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly log: LogIdentity,
    private readonly tenants: TenantRepository,
    private readonly users: UserRepository,
    private readonly keys: SigningKeyRepository,
    private readonly policies: SignaturePolicyRepository,
    private readonly quotas: QuotaRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  /** @throws InvalidInputError, ReferenceNotFoundError, ConflictError, QuotaExceededError */
  execute(ctx: OpContext, input: EnrolSigningKey): Promise<SigningKeyEntity> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'signing-key:write');
      if (isWeakEd25519Key(input.publicKey)) throw weakKey();
      await this.quotas.lock(tx, ctx.tenantId);
      await this.policies.lock(tx, ctx.tenantId);
      await this.quotas.require(tx, ctx.tenantId, 'signing-keys', await this.keys.count(tx, ctx.tenantId));
      await this.requireStatement(ctx, input, await this.enrollingKey(tx, ctx, input));
      const key = this.plan(ctx, input);
      await this.keys.insert(tx, key);
      this.ledger.append(tx, {
        class: 'configuration',
        action: 'signing-key.enrolled',
        resource: { type: 'signing-key', id: key.id, version: 1 },
        before: null,
        after: signingKeyRecord(key),
      });
      return key;
    });
  }

  /** The public key that must have signed the statement. */
  private async enrollingKey(tx: Tx, ctx: OpContext, { enrolledBy, publicKey }: EnrolSigningKey): Promise<Uint8Array> {
    if (enrolledBy === ROOT_KEY) {
      const { rootPublicKey } = await this.tenants.get(tx, ctx.tenantId);
      if (rootPublicKey) return rootPublicKey;
      // The operator's own chain pins no root key: its first signing key is its root, and signs for itself.
      if ((await this.keys.count(tx, ctx.tenantId)) === 0) return publicKey;
      throw enrolledByRefused(
        'signing-key.no-root',
        'your tenant has no root key but its first signing key',
        'let a signing key that is enrolled sign, and send its id',
      );
    }
    const enroller = await this.keys.find(tx, ctx.tenantId, enrolledBy);
    if (!enroller) throw new ReferenceNotFoundError('signing key', enrolledBy, '/enrolledBy');
    if (enroller.revokedAt !== null) {
      throw enrolledByRefused('signing-key.active', `${enrolledBy} is revoked`, 'let another signing key sign');
    }
    if (enroller.userId !== ctx.actor.id && !(await this.isAdministrator(tx, ctx, enroller.userId))) {
      throw enrolledByRefused(
        'signing-key.own-or-administrator',
        `${enrolledBy} belongs to another user, who is no ${administratorRole(ctx.tenantId)}`,
        `let a key of your own, of a ${administratorRole(ctx.tenantId)}, or the root key sign`,
      );
    }
    return enroller.publicKey;
  }

  private async isAdministrator(tx: Tx, ctx: OpContext, userId: UserId): Promise<boolean> {
    const user = await this.users.find(tx, ctx.tenantId, userId);
    return user?.roles.includes(administratorRole(ctx.tenantId)) ?? false;
  }

  private async requireStatement(ctx: OpContext, input: EnrolSigningKey, enrollingKey: Uint8Array): Promise<void> {
    const statement = enrolmentStatement(
      { origin: this.log.origin, tenant: ctx.tenantId },
      {
        userId: ctx.actor.id,
        keyId: input.id,
        publicKey: Buffer.from(input.publicKey).toString('base64'),
        enrolledBy: input.enrolledBy,
      },
    );
    const refuse = (pointer: string, whose: string) =>
      new InvalidInputError([
        {
          pointer,
          rule: 'signing-key.statement-signed',
          message: `it is no signature of ${whose} over the enrolment statement`,
          fix: `sign exactly this text with it: ${JSON.stringify(statement)}`,
        },
      ]);
    const text = utf8(statement);
    if (!(await nodeCrypto.ed25519Verify(enrollingKey, text, input.signature))) {
      throw refuse('/signature', input.enrolledBy === ROOT_KEY ? 'the root key' : input.enrolledBy);
    }
    if (!(await nodeCrypto.ed25519Verify(input.publicKey, text, input.possession))) {
      throw refuse('/possession', 'the key that is to be enrolled');
    }
  }

  private plan(ctx: OpContext, input: EnrolSigningKey): SigningKeyEntity {
    return Object.assign(new SigningKeyEntity(), {
      tenantId: ctx.tenantId,
      id: input.id,
      userId: ctx.actor.id as UserId,
      name: input.name,
      publicKey: Buffer.from(input.publicKey),
      enrolledBy: input.enrolledBy === ROOT_KEY ? null : input.enrolledBy,
      signature: Buffer.from(input.signature),
      possession: Buffer.from(input.possession),
      revokedAt: null,
      version: 1,
      createdAt: this.clock.now(),
    });
  }
}

function weakKey(): InvalidInputError {
  return new InvalidInputError([
    {
      pointer: '/publicKey',
      rule: 'signing-key.strong',
      message: 'it is a point of low order, under which anybody can sign',
      fix: 'make a key pair with "freehold signing-key create" or "openssl genpkey -algorithm ed25519"',
    },
  ]);
}

function enrolledByRefused(rule: string, message: string, fix: string): InvalidInputError {
  return new InvalidInputError([{ pointer: '/enrolledBy', rule, message, fix }]);
}
