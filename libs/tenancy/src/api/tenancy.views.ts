import type { IssuedApiKey } from '../app/create-api-key.service.js';
import type { CreatedTenant } from '../app/create-tenant.service.js';
import type { ApiKeyEntity } from '../infra/api-key.entity.js';
import type { TenantEntity } from '../infra/tenant.entity.js';
import type { UserEntity } from '../infra/user.entity.js';

export const tenantView = (tenant: TenantEntity) => ({
  id: tenant.id,
  name: tenant.name,
  state: tenant.deleted ? ('deleted' as const) : tenant.suspended ? ('suspended' as const) : ('active' as const),
  rootPublicKey: tenant.rootPublicKey?.toString('base64') ?? null,
  viewKeyCommitment: tenant.viewKeyCommitment?.toString('hex') ?? null,
  version: tenant.version,
  createdAt: tenant.createdAt.toISOString(),
});

export const createdTenantView = ({ tenant, owner, issued }: CreatedTenant) => ({
  ...tenantView(tenant),
  ownerUserId: owner.id,
  ownerApiKeyId: issued.key.id,
  ownerApiKey: issued.secret,
});

export const userView = (user: UserEntity) => ({
  id: user.id,
  name: user.name,
  roles: user.roles,
  version: user.version,
  createdAt: user.createdAt.toISOString(),
});

export const apiKeyView = (key: ApiKeyEntity) => ({
  id: key.id,
  userId: key.userId,
  name: key.name,
  scopes: key.scopes,
  state: key.revokedAt
    ? ('revoked' as const)
    : key.expiresAt && key.expiresAt.getTime() <= Date.now()
      ? ('expired' as const)
      : ('active' as const),
  expiresAt: key.expiresAt?.toISOString() ?? null,
  revokedAt: key.revokedAt?.toISOString() ?? null,
  version: key.version,
  createdAt: key.createdAt.toISOString(),
});

export const issuedApiKeyView = ({ key, secret }: IssuedApiKey) => ({ ...apiKeyView(key), apiKey: secret });
