import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { Blocker, TenantId, VpcId } from '#kernel';

/** One kind of what lives in a VPC: how to find it and how to remove it. */
interface Content {
  kind: string;
  sql: string;
  fix: (id: string, vpcId: VpcId) => string;
}

const detach = (path: string) => (id: string, vpcId: VpcId) => `POST ${path}/${id}/detach {"vpcId": "${vpcId}"}`;

/** In a safe order of removal: what refers to others comes before them. What is being removed already does not count. */
const CONTENTS: readonly Content[] = [
  {
    kind: 'vpn-connection',
    sql: 'SELECT id FROM vpn_connection WHERE tenant_id = $1 AND vpc_id = $2 AND NOT deleting',
    fix: (id) => `DELETE /v1/vpn-connections/${id}`,
  },
  {
    kind: 'nat-gateway',
    sql: 'SELECT id FROM nat_gateway WHERE tenant_id = $1 AND vpc_id = $2 AND NOT deleting',
    fix: (id) => natGatewayBlocker({ id }).fix,
  },
  {
    kind: 'subnet',
    sql: 'SELECT id FROM subnet WHERE tenant_id = $1 AND vpc_id = $2 AND NOT deleting',
    fix: (id) => `DELETE /v1/subnets/${id}`,
  },
  {
    kind: 'route-table',
    sql: 'SELECT id FROM route_table WHERE tenant_id = $1 AND vpc_id = $2 AND NOT deleting AND NOT is_main',
    fix: (id) => `DELETE /v1/route-tables/${id}`,
  },
  {
    kind: 'internet-gateway',
    sql: 'SELECT id FROM internet_gateway WHERE tenant_id = $1 AND vpc_id = $2 AND NOT detaching',
    fix: detach('/v1/internet-gateways'),
  },
  {
    kind: 'vpn-gateway',
    sql: 'SELECT id FROM vpn_gateway WHERE tenant_id = $1 AND vpc_id = $2 AND NOT detaching',
    fix: detach('/v1/vpn-gateways'),
  },
];

/** What still lives in a VPC, in the order in which it can be removed. */
@Injectable()
export class VpcContents {
  async blockers(tx: Tx, tenantId: TenantId, vpcId: VpcId): Promise<Blocker[]> {
    const found = await tx.pipeline(
      CONTENTS.map(({ sql }) => ({ sql: `${sql} ORDER BY id`, params: [tenantId, vpcId] })),
    );
    return CONTENTS.flatMap(({ kind, fix }, index) =>
      (found[index] as { id: string }[]).map(({ id }) => ({ id, kind, fix: fix(id, vpcId) })),
    );
  }
}

export function natGatewayBlocker({ id }: { id: string }): Blocker {
  return { id, kind: 'nat-gateway', fix: `DELETE /v1/nat-gateways/${id}` };
}
