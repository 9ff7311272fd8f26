import type { JsonValue } from '#kernel';
import type { Tags } from '#tenancy';
import type { RouteTarget } from '../domain/route-target.js';
import type { AddressPoolEntity } from '../infra/address-pool.entity.js';
import type { ElasticIpEntity } from '../infra/elastic-ip.entity.js';
import type { InternetGatewayEntity } from '../infra/internet-gateway.entity.js';
import type { NatGatewayEntity } from '../infra/nat-gateway.entity.js';
import type { RouteTableEntity } from '../infra/route-table.entity.js';
import type { RouteTableAssociationEntity } from '../infra/route-table-association.entity.js';
import type { SubnetEntity } from '../infra/subnet.entity.js';
import type { VpcParts } from './vpc-editor.js';

/** What the ledger says of each resource: its intended state, as an auditor replays it. */

export function vpcRecord({
  vpc,
  blocks,
  mainRouteTableId,
  tags,
}: Omit<VpcParts, 'mainRouteTableId'> & { mainRouteTableId: string | null }): JsonValue {
  return {
    name: vpc.name,
    cidrBlocks: blocks.filter((block) => !block.deleting).map((block) => block.cidr),
    mainRouteTableId,
    tags,
  };
}

export function subnetRecord(subnet: SubnetEntity, tags: Tags): JsonValue {
  return {
    vpcId: subnet.vpcId,
    name: subnet.name,
    zone: subnet.zone,
    cidrBlock: subnet.cidr,
    ipv6CidrBlock: subnet.ipv6Cidr,
    tags,
  };
}

/** Its routes and associations have entries of their own; which table is the main one is the VPC's to say. */
export function routeTableRecord(table: RouteTableEntity, tags: Tags): JsonValue {
  return { vpcId: table.vpcId, name: table.name, tags };
}

export function routeRecord(routeTableId: string, destination: string, target: RouteTarget): JsonValue {
  return { routeTableId, destination, target: { kind: target.kind, id: target.id } };
}

/** One that is not enabled is not there. */
export function propagationRecord(enabled: boolean): JsonValue {
  return { enabled };
}

export function associationRecord(association: RouteTableAssociationEntity): JsonValue {
  return { routeTableId: association.routeTableId, subnetId: association.subnetId };
}

export function internetGatewayRecord(gateway: InternetGatewayEntity, tags: Tags): JsonValue {
  return { vpcId: gateway.detaching ? null : gateway.vpcId, name: gateway.name, tags };
}

export function natGatewayRecord(gateway: NatGatewayEntity, tags: Tags): JsonValue {
  return {
    vpcId: gateway.vpcId,
    subnetId: gateway.subnetId,
    elasticIpId: gateway.elasticIpId,
    privateAddress: gateway.privateAddress,
    name: gateway.name,
    tags,
  };
}

export function elasticIpRecord(elasticIp: ElasticIpEntity, tags: Tags): JsonValue {
  return { address: elasticIp.address, poolId: elasticIp.poolId, name: elasticIp.name, tags };
}

export function addressPoolRecord(pool: AddressPoolEntity): JsonValue {
  return { name: pool.name, cidrBlock: pool.cidr, purpose: pool.purpose };
}
