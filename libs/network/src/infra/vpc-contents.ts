import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { Blocker, TenantId, VpcId } from '#kernel';

/** What still lives in a VPC, in the order in which it can be removed. What is being deleted already does not count. */
@Injectable()
export class VpcContents {
  async blockers(tx: Tx, tenantId: TenantId, vpcId: VpcId): Promise<Blocker[]> {
    const rows = await tx.query<{ id: string }>(
      'SELECT id FROM subnet WHERE tenant_id = $1 AND vpc_id = $2 AND NOT deleting ORDER BY id',
      [tenantId, vpcId],
    );
    return rows.map(({ id }) => ({ id, kind: 'subnet', fix: `DELETE /v1/subnets/${id}` }));
  }
}
