import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { Blocker, SubnetId, TenantId } from '#kernel';

/** What still uses a subnet. */
@Injectable()
export class SubnetContents {
  async blockers(tx: Tx, tenantId: TenantId, subnetId: SubnetId): Promise<Blocker[]> {
    void tx;
    void tenantId;
    void subnetId;
    return [];
  }
}
