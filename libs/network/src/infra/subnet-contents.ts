import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { Blocker, SubnetId, TenantId } from '#kernel';
import { natGatewayBlocker } from './vpc-contents.js';

/** What still uses a subnet. What is being deleted already does not count. */
@Injectable()
export class SubnetContents {
  async blockers(tx: Tx, tenantId: TenantId, subnetId: SubnetId): Promise<Blocker[]> {
    const gateways = await tx.query<{ id: string }>(
      'SELECT id FROM nat_gateway WHERE tenant_id = $1 AND subnet_id = $2 AND NOT deleting ORDER BY id',
      [tenantId, subnetId],
    );
    return gateways.map(natGatewayBlocker);
  }
}
