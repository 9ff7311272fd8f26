import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { TenantId, VpnConnectionId } from '#kernel';
import { Keyring } from '#keyring';

const KEY_BYTES = 32;

/** The pre-shared keys of connections: made here, stored sealed, shown by one recorded use case and by nothing else. */
@Injectable()
export class VpnPresharedKeys {
  constructor(private readonly keyring: Keyring) {}

  /** A new key, sealed for this connection. @throws KekUnavailableError */
  async create(tenantId: TenantId, id: VpnConnectionId): Promise<Uint8Array> {
    const key = randomBytes(KEY_BYTES);
    try {
      return await this.keyring.seal(key, purpose(tenantId, id));
    } finally {
      key.fill(0);
    }
  }

  /** In base64, as WireGuard's tools write it. @throws KekUnavailableError, SealBrokenError */
  async reveal(tenantId: TenantId, id: VpnConnectionId, sealed: Uint8Array): Promise<string> {
    return Buffer.from(await this.keyring.open(sealed, purpose(tenantId, id))).toString('base64');
  }
}

/** Binds a sealed key to its row: it opens for no other tenant and no other connection. */
function purpose(tenantId: TenantId, id: VpnConnectionId): Uint8Array {
  return Buffer.from(`freehold/vpn-preshared-key/v1\n${tenantId}\n${id}\n`);
}
