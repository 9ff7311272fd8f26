import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { Blocker, TenantId } from '#kernel';

/** What a tenant has of a network, VPCs first. What is being deleted already does not count. */
const KINDS = [
  { kind: 'vpc', table: 'vpc', path: '/v1/vpcs' },
  { kind: 'internet-gateway', table: 'internet_gateway', path: '/v1/internet-gateways' },
  { kind: 'elastic-ip', table: 'elastic_ip', path: '/v1/elastic-ips' },
  { kind: 'vpn-gateway', table: 'vpn_gateway', path: '/v1/vpn-gateways' },
  { kind: 'customer-gateway', table: 'customer_gateway', path: '/v1/customer-gateways' },
];

@Injectable()
export class TenantNetworkRepository {
  async blockers(tx: Tx, tenantId: TenantId): Promise<Blocker[]> {
    const found = await tx.pipeline(
      KINDS.map(({ table }) => ({
        sql: `SELECT id FROM ${table} WHERE tenant_id = $1 AND NOT deleting ORDER BY id`,
        params: [tenantId],
      })),
    );
    return KINDS.flatMap(({ kind, path }, index) =>
      (found[index] as { id: string }[]).map(({ id }) => ({ id, kind, fix: `DELETE ${path}/${id} as the tenant` })),
    );
  }
}
