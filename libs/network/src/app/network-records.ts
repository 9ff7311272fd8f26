import type { JsonValue } from '#kernel';
import type { Tags } from '#tenancy';
import type { SubnetEntity } from '../infra/subnet.entity.js';

/** What the ledger says of each resource: its intended state, as an auditor replays it. */

export function vpcRecord(vpc: { name: string | null }, cidrBlocks: readonly string[], tags: Tags): JsonValue {
  return { name: vpc.name, cidrBlocks: [...cidrBlocks], tags };
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
