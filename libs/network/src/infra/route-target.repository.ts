import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { TenantId, VpcId } from '#kernel';
import type { RouteTarget, StaticTargetKind } from '../domain/route-target.js';

/** Which VPC a target serves now; null when it serves none (it is detached, or going). */
const SERVED_VPC: Record<StaticTargetKind, string> = {
  'internet-gateway':
    'SELECT CASE WHEN detaching THEN NULL ELSE vpc_id END AS vpc FROM internet_gateway WHERE tenant_id = $1 AND id = $2',
  'nat-gateway':
    'SELECT CASE WHEN deleting THEN NULL ELSE vpc_id END AS vpc FROM nat_gateway WHERE tenant_id = $1 AND id = $2',
  'vpn-gateway':
    'SELECT CASE WHEN detaching THEN NULL ELSE vpc_id END AS vpc FROM vpn_gateway WHERE tenant_id = $1 AND id = $2',
};

@Injectable()
export class RouteTargetRepository {
  /** The VPC that the target serves, or undefined when there is no such target. */
  async servedVpc(tx: Tx, tenantId: TenantId, { kind, id }: RouteTarget): Promise<VpcId | null | undefined> {
    const [row] = await tx.query<{ vpc: VpcId | null }>(SERVED_VPC[kind], [tenantId, id]);
    return row?.vpc;
  }
}
