import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { TenantId } from '#kernel';
import { nodeCrypto, viewKeyCommitment } from '#proof';
import { TenantChainRepository } from '../infra/tenant-chain.repository.js';

/**
 * The tenants' chains. Whoever makes a tenant opens its chain and then appends `tenant.genesis` as its first entry, which
 * pins the tenant's root key and the commitment to its view key.
 */
@Injectable()
export class TenantChains {
  constructor(private readonly chains: TenantChainRepository) {}

  /**
   * Opens a new tenant's chain, in the transaction that makes the tenant. `viewKey` is 32 bytes and is kept sealed.
   * @returns the commitment that the genesis entry pins, 64 hexadecimal digits
   */
  async open(tx: Tx, tenantId: TenantId, viewKey: Uint8Array): Promise<string> {
    const commitment = viewKeyCommitment(nodeCrypto, viewKey);
    await this.chains.insert(tx, tenantId, viewKey, commitment);
    return commitment;
  }
}
