import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { TenantId } from '#kernel';
import { Keyring } from '#keyring';
import { equalBytes, utf8 } from '#merkle';
import { nodeCrypto, viewKeyCommitment } from '#proof';
import { ChainMissingError } from '../domain/ledger.errors.js';

/** A tenant's chain: how far it has come, and its view key, sealed. */
@Injectable()
export class TenantChainRepository {
  constructor(private readonly keyring: Keyring) {}

  /** The transaction must act as that tenant. */
  async insert(tx: Tx, tenantId: TenantId, viewKey: Uint8Array, commitment: string): Promise<void> {
    const sealed = await this.keyring.seal(viewKey, viewKeyAad(tenantId));
    await tx.execute(
      'INSERT INTO ledger_tenant_head (tenant_id, sealed_view_key, view_key_commitment) VALUES ($1, $2, $3)',
      [tenantId, Buffer.from(sealed), commitment],
    );
  }

  /** Whether the tenant has a chain; the transaction must act as that tenant. */
  async exists(tx: Tx, tenantId: TenantId): Promise<boolean> {
    const rows = await tx.query('SELECT FROM ledger_tenant_head WHERE tenant_id = $1', [tenantId]);
    return rows.length > 0;
  }

  /** @throws ChainMissingError; SealBrokenError */
  async viewKey(tx: Tx, tenantId: TenantId): Promise<Uint8Array> {
    const [row] = await tx.query<{ sealed_view_key: Buffer; view_key_commitment: string }>(
      'SELECT sealed_view_key, view_key_commitment FROM ledger_tenant_head WHERE tenant_id = $1',
      [tenantId],
    );
    if (!row) throw new ChainMissingError(tenantId);
    return this.openViewKey(tenantId, row.sealed_view_key, row.view_key_commitment);
  }

  /** @throws SealBrokenError when the row was changed, or belongs to another tenant */
  async openViewKey(tenantId: string, sealed: Uint8Array, commitment: string): Promise<Uint8Array> {
    const viewKey = await this.keyring.open(sealed, viewKeyAad(tenantId));
    if (!equalBytes(utf8(viewKeyCommitment(nodeCrypto, viewKey)), utf8(commitment))) {
      throw new Error(`the view key of ${tenantId} is not the one that its chain committed to`);
    }
    return viewKey;
  }
}

function viewKeyAad(tenantId: string): Uint8Array {
  return utf8(`freehold/view-key/v1\n${tenantId}\n`);
}
