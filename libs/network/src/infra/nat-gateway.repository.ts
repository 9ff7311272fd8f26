import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Statement, type Tx, translating } from '#database';
import { type ElasticIpId, type NatGatewayId, NotFoundError, type SubnetId, type TenantId, type VpcId } from '#kernel';
import { havingTags } from '#tenancy';
import { ElasticIpInUseError } from '../domain/elastic-ip.errors.js';
import { NatGatewayEntity } from './nat-gateway.entity.js';

export interface NatGatewayFilter {
  vpcId?: VpcId;
  subnetId?: SubnetId;
  tag: readonly string[];
}

@Injectable()
export class NatGatewayRepository {
  /** Its address is inserted apart. @throws ElasticIpInUseError */
  async insert(tx: Tx, gateway: NatGatewayEntity): Promise<void> {
    await translating({ nat_gateway_elastic_ip_unique: () => new ElasticIpInUseError(gateway.elasticIpId) }, () =>
      tx.execute(
        `INSERT INTO nat_gateway (tenant_id, id, vpc_id, subnet_id, elastic_ip_id, name, changed_generation, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [
          gateway.tenantId,
          gateway.id,
          gateway.vpcId,
          gateway.subnetId,
          gateway.elasticIpId,
          gateway.name,
          gateway.changedGeneration,
          gateway.createdAt,
        ],
      ),
    );
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: NatGatewayId): Promise<NatGatewayEntity> {
    const gateway = await tx.manager.findOneBy(NatGatewayEntity, { tenantId, id });
    if (!gateway) throw new NotFoundError('NAT gateway', id);
    const [whole] = await this.withAddresses(tx, tenantId, [gateway]);
    return whole as NatGatewayEntity;
  }

  async save(tx: Tx, gateway: NatGatewayEntity): Promise<void> {
    const { tenantId, id, name, changedGeneration, deleting, version } = gateway;
    await tx.manager.update(NatGatewayEntity, { tenantId, id }, { name, changedGeneration, deleting, version });
  }

  /** Those in a VPC that are not being deleted. */
  liveIn(tx: Tx, tenantId: TenantId, vpcId: VpcId): Promise<{ id: NatGatewayId }[]> {
    return tx.query('SELECT id FROM nat_gateway WHERE tenant_id = $1 AND vpc_id = $2 AND NOT deleting ORDER BY id', [
      tenantId,
      vpcId,
    ]);
  }

  /** Which gateway holds each elastic IP, also one that is being deleted. */
  async holding(
    tx: Tx,
    tenantId: TenantId,
    elasticIpIds: readonly ElasticIpId[],
  ): Promise<Map<ElasticIpId, { id: NatGatewayId; vpcId: VpcId; deleting: boolean }>> {
    if (elasticIpIds.length === 0) return new Map();
    const rows = await tx.query<{ elasticIpId: ElasticIpId; id: NatGatewayId; vpcId: VpcId; deleting: boolean }>(
      `SELECT elastic_ip_id AS "elasticIpId", id, vpc_id AS "vpcId", deleting FROM nat_gateway
        WHERE tenant_id = $1 AND elastic_ip_id = ANY ($2)`,
      [tenantId, [...elasticIpIds]],
    );
    return new Map(rows.map(({ elasticIpId, ...gateway }) => [elasticIpId, gateway]));
  }

  /** Counts a tenant's gateways, for its quota. */
  counting(tenantId: TenantId): Statement {
    return { sql: 'SELECT count(*) AS used FROM nat_gateway WHERE tenant_id = $1', params: [tenantId] };
  }

  async list(tx: Tx, tenantId: TenantId, page: PageRequest, filter: NatGatewayFilter): Promise<Page<NatGatewayEntity>> {
    const where = {
      tenantId,
      ...(filter.vpcId ? { vpcId: filter.vpcId } : {}),
      ...(filter.subnetId ? { subnetId: filter.subnetId } : {}),
    };
    const { items, nextCursor } = await pageOfEntities(tx, NatGatewayEntity, page, where, (query) =>
      havingTags(query, filter.tag),
    );
    return { items: await this.withAddresses(tx, tenantId, items), nextCursor };
  }

  private async withAddresses(tx: Tx, tenantId: TenantId, gateways: NatGatewayEntity[]): Promise<NatGatewayEntity[]> {
    if (gateways.length === 0) return gateways;
    const rows = await tx.query<{ id: NatGatewayId; privateAddress: string; publicAddress: string }>(
      `SELECT n.id, host(a.address) AS "privateAddress", host(e.address) AS "publicAddress"
         FROM nat_gateway n
         JOIN subnet_address a ON a.tenant_id = n.tenant_id AND a.nat_gateway_id = n.id
         JOIN elastic_ip e ON e.tenant_id = n.tenant_id AND e.id = n.elastic_ip_id
        WHERE n.tenant_id = $1 AND n.id = ANY ($2)`,
      [tenantId, gateways.map(({ id }) => id)],
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    return gateways.map((gateway) => Object.assign(gateway, byId.get(gateway.id)));
  }
}
