import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { RouteTableId, TenantId } from '#kernel';
import type { VpcSnapshot } from '#topology';

export interface SnapshotScope {
  /** The tenant to look in; left out by workers, who see all. */
  tenantId?: TenantId;
  /** Read this table's part of the routing alone. */
  routeTableId?: RouteTableId;
}

/** Each list of a snapshot, as rows of the VPC `v`; `$3` narrows to one route table. */
const LISTS: Record<string, string> = {
  cidrBlocks: `
    SELECT json_agg(json_build_object('id', b.id, 'cidr', b.cidr::text) ORDER BY b.is_primary DESC, b.id)
      FROM vpc_cidr_block b WHERE b.tenant_id = v.tenant_id AND b.vpc_id = v.id AND NOT b.deleting`,
  subnets: `
    SELECT json_agg(json_build_object('id', s.id, 'name', s.name, 'zone', s.zone, 'cidr', s.cidr::text,
                                      'ipv6Cidr', s.ipv6_cidr::text) ORDER BY s.id)
      FROM subnet s WHERE s.tenant_id = v.tenant_id AND s.vpc_id = v.id AND NOT s.deleting`,
  routeTables: `
    SELECT json_agg(json_build_object('id', t.id, 'main', t.is_main) ORDER BY t.is_main DESC, t.id)
      FROM route_table t
     WHERE t.tenant_id = v.tenant_id AND t.vpc_id = v.id AND NOT t.deleting AND ($3::text IS NULL OR t.id = $3)`,
  associations: `
    SELECT json_agg(json_build_object('subnetId', a.subnet_id, 'routeTableId', a.route_table_id) ORDER BY a.id)
      FROM route_table_association a
     WHERE a.tenant_id = v.tenant_id AND a.vpc_id = v.id AND ($3::text IS NULL OR a.route_table_id = $3)`,
  propagations: `
    SELECT json_agg(json_build_object('routeTableId', p.route_table_id, 'vpnGatewayId', p.vpn_gateway_id)
                    ORDER BY p.route_table_id, p.vpn_gateway_id)
      FROM route_propagation p
     WHERE p.tenant_id = v.tenant_id AND p.vpc_id = v.id AND ($3::text IS NULL OR p.route_table_id = $3)`,
  routes: `
    SELECT json_agg(json_build_object('routeTableId', r.route_table_id, 'destination', r.destination::text,
                                      'targetKind', r.target_kind, 'targetId', r.target_id)
                    ORDER BY r.route_table_id, r.destination)
      FROM route r
     WHERE r.tenant_id = v.tenant_id AND r.vpc_id = v.id AND ($3::text IS NULL OR r.route_table_id = $3)`,
  natGateways: `
    SELECT json_agg(json_build_object('id', n.id, 'subnetId', n.subnet_id, 'privateAddress', host(a.address),
                                      'publicAddress', host(e.address), 'elasticIpId', e.id) ORDER BY n.id)
      FROM nat_gateway n
      JOIN subnet_address a ON a.tenant_id = n.tenant_id AND a.nat_gateway_id = n.id
      JOIN elastic_ip e ON e.tenant_id = n.tenant_id AND e.id = n.elastic_ip_id
     WHERE n.tenant_id = v.tenant_id AND n.vpc_id = v.id AND NOT n.deleting`,
  vpnConnections: `
    SELECT json_agg(json_build_object('id', c.id, 'customerGatewayId', c.customer_gateway_id,
                                      'remotePrefixes', array(
                                        SELECT p.destination::text FROM vpn_connection_prefix p
                                         WHERE p.tenant_id = c.tenant_id AND p.vpn_connection_id = c.id
                                         ORDER BY p.destination),
                                      'tunnelBlock', c.tunnel_block::text,
                                      'insideAddress', host(c.tunnel_block::inet + 1),
                                      'customerInsideAddress', host(c.tunnel_block::inet + 2)) ORDER BY c.id)
      FROM vpn_connection c WHERE c.tenant_id = v.tenant_id AND c.vpc_id = v.id AND NOT c.deleting`,
};

/** Gateways of which a VPC has one of a kind at most. */
const GATEWAYS: Record<string, string> = {
  internetGateway: 'internet_gateway',
  vpnGateway: 'vpn_gateway',
};

// One statement sees one snapshot, whatever commits meanwhile.
const STATEMENT = `
  SELECT v.tenant_id AS "tenantId", v.id AS "vpcId", v.name, v.generation::float8 AS generation, v.deleting,
         ${Object.entries(LISTS)
           .map(([name, rows]) => `coalesce((${rows}), '[]'::json) AS "${name}"`)
           .join(',\n')},
         ${Object.entries(GATEWAYS)
           .map(
             ([name, table]) =>
               `(SELECT json_build_object('id', g.id) FROM ${table} g
                  WHERE g.tenant_id = v.tenant_id AND g.vpc_id = v.id AND NOT g.detaching) AS "${name}"`,
           )
           .join(',\n')}
    FROM vpc v
   WHERE v.id = $1 AND ($2::text IS NULL OR v.tenant_id = $2)`;

@Injectable()
export class VpcSnapshotRepository {
  /** Everything alive in the VPC, in one consistent snapshot; null when there is no such VPC in the scope. */
  async read(tx: Tx, vpcId: string, scope: SnapshotScope = {}): Promise<VpcSnapshot | null> {
    const [row] = await tx.query<VpcSnapshot>(STATEMENT, [vpcId, scope.tenantId ?? null, scope.routeTableId ?? null]);
    return row ?? null;
  }
}
