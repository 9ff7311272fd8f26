import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import { type OpContext, SYSTEM_TENANT_ID } from '#kernel';
import { LOG_KEY_RESOURCE, type StateRecord } from '#proof';
import { LogKeyRepository } from '../infra/log-key.repository.js';
import type { LedgerStateSource } from './ledger-state-sources.js';

/** The keys that followed the log's first one, as the operator's chain tells them. */
@Injectable()
export class LogKeyStateSource implements LedgerStateSource {
  readonly types = [LOG_KEY_RESOURCE];

  constructor(private readonly keys: LogKeyRepository) {}

  async *read(tx: Tx, { tenantId }: OpContext): AsyncGenerator<StateRecord[]> {
    if (tenantId !== SYSTEM_TENANT_ID) return;
    const rotations = await this.keys.recorded(tx);
    yield rotations.map(({ version, vkey, endorsement }) => ({
      type: LOG_KEY_RESOURCE,
      id: `${LOG_KEY_RESOURCE}-${version}`,
      version,
      state: { vkey, endorsement },
    }));
  }
}
