import type { JsonValue } from '#kernel';
import { ROOT_KEY } from '#proof';
import type { ApiKeyEntity } from '../infra/api-key.entity.js';
import type { SignaturePolicyEntity } from '../infra/signature-policy.entity.js';
import type { SigningKeyEntity } from '../infra/signing-key.entity.js';
import type { TenantEntity } from '../infra/tenant.entity.js';
import type { UserEntity } from '../infra/user.entity.js';

/** What the ledger says of each resource: its state as an auditor replays it, and never a secret. */

export function tenantRecord(tenant: TenantEntity): JsonValue {
  return {
    name: tenant.name,
    suspended: tenant.suspended,
    rootPublicKey: tenant.rootPublicKey?.toString('base64') ?? null,
    viewKeyCommitment: tenant.viewKeyCommitment?.toString('hex') ?? null,
  };
}

export function userRecord(user: UserEntity): JsonValue {
  return { name: user.name, roles: [...user.roles] };
}

export function apiKeyRecord(key: ApiKeyEntity): JsonValue {
  return {
    userId: key.userId,
    name: key.name,
    scopes: key.scopes,
    expiresAt: key.expiresAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
  };
}

/** With all that an auditor needs to follow the chain of enrolments (docs/formats/evidence-v1.md). */
export function signingKeyRecord(key: SigningKeyEntity): JsonValue {
  return {
    userId: key.userId,
    name: key.name,
    publicKey: key.publicKey.toString('base64'),
    enrolledBy: key.enrolledBy ?? ROOT_KEY,
    signature: key.signature.toString('base64'),
    possession: key.possession.toString('base64'),
    revokedAt: key.revokedAt?.toISOString() ?? null,
  };
}

export function signaturePolicyRecord({ required, actions }: SignaturePolicyEntity): JsonValue {
  return { mode: required ? 'required' : 'optional', actions: [...actions] };
}

export function quotaRecord({ quota, allowed }: { quota: string; allowed: number }): JsonValue {
  return { quota, allowed };
}
