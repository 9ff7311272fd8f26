import { Injectable } from '@nestjs/common';
import { Database } from '#database';
import {
  type Actor,
  type ApiKeyId,
  DomainError,
  type Role,
  type TenantId,
  UnauthenticatedError,
  type UserId,
} from '#kernel';
import { ApiKeyHasher, parseApiKey } from './api-key.js';
import { type Permission, permissionsOf } from './permissions.js';

/** Who a request comes from, as the database says at this moment. */
export interface Principal {
  actor: Actor;
  tenantId: TenantId;
  permissions: ReadonlySet<Permission>;
  /** Patterns of the actions that the tenant wants signed, an empty list for all; null when none need be. */
  signaturesRequired: readonly string[] | null;
  /** The signing key that was asked for, Ed25519, 32 bytes; null when the user has no such key, or it was revoked. */
  signingPublicKey: Buffer | null;
}

interface KeyRow {
  tenant_id: TenantId;
  user_id: UserId;
  secret_hmac: Buffer;
  scopes: string[] | null;
  roles: Role[];
  active: boolean;
  suspended: boolean;
  signatures_required: string[] | null;
  signing_public_key: Buffer | null;
}

/**
 * Checks the credential of a request against the database each time, so that a revoked key stops working at once in every
 * process. An unknown id costs the same work as a wrong secret.
 */
@Injectable()
export class Authenticator {
  constructor(
    private readonly database: Database,
    private readonly hasher: ApiKeyHasher,
  ) {}

  /**
   * @param signingKeyId the key that the request says it is signed with
   * @throws UnauthenticatedError; DomainError `TenantSuspended`
   */
  async authenticate(authorization: string | undefined, signingKeyId: string | null): Promise<Principal> {
    const token = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(authorization ?? '')?.[1];
    const parsed = token === undefined ? null : parseApiKey(token);
    if (!parsed) throw new UnauthenticatedError();
    const [row] = await this.database.query<KeyRow>('SELECT * FROM crosstenant.find_credential($1, $2)', [
      parsed.id,
      signingKeyId,
    ]);
    const matches = this.hasher.matches(parsed.secret, row?.secret_hmac ?? null);
    if (!row || !matches || !row.active) throw new UnauthenticatedError('This API key is unknown, expired or revoked.');
    if (row.suspended) {
      throw new DomainError('forbidden', 'TenantSuspended', 'This tenant is suspended; ask the operator to resume it.');
    }
    return principalOf(parsed.id, row);
  }

  /**
   * What a key that has proven its secret may do by now; null when it may do nothing any more, because it was revoked, has
   * expired, or its tenant is suspended. For a connection that outlives its request.
   */
  async current(keyId: ApiKeyId): Promise<Principal | null> {
    const [row] = await this.database.query<KeyRow>('SELECT * FROM crosstenant.find_credential($1, NULL)', [keyId]);
    return row?.active && !row.suspended ? principalOf(keyId, row) : null;
  }
}

function principalOf(keyId: ApiKeyId, row: KeyRow): Principal {
  return {
    actor: { type: 'user', id: row.user_id, keyId, roles: row.roles },
    tenantId: row.tenant_id,
    permissions: permissionsOf(row.roles, row.scopes),
    signaturesRequired: row.signatures_required,
    signingPublicKey: row.signing_public_key,
  };
}
