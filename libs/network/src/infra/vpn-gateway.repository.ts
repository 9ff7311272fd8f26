import { Injectable } from '@nestjs/common';
import { type Page, type PageRequest, pageOfEntities, type Tx, translating } from '#database';
import {
  ConflictError,
  NotFoundError,
  ReferenceNotFoundError,
  type TenantId,
  type VpcId,
  type VpnGatewayId,
} from '#kernel';
import { havingTags } from '#tenancy';
import { VpnGatewayEntity } from './vpn-gateway.entity.js';

export interface VpnGatewayFilter {
  vpcId?: VpcId;
  tag: readonly string[];
}

const oneVpcOneGateway = () =>
  new ConflictError('VpcHasVpnGateway', 'The VPC has a VPN gateway already.', {
    errors: [
      {
        pointer: '/vpcId',
        rule: 'vpn-gateway.one-a-vpc',
        message: 'the VPC has a VPN gateway already',
        fix: 'use that gateway, or detach it first: GET /v1/vpn-gateways?vpcId=... shows it',
      },
    ],
  });

@Injectable()
export class VpnGatewayRepository {
  /** @throws ConflictError `VpcHasVpnGateway` */
  async insert(tx: Tx, gateway: VpnGatewayEntity): Promise<void> {
    await translating({ vpn_gateway_one_a_vpc: oneVpcOneGateway }, () => tx.manager.insert(VpnGatewayEntity, gateway));
  }

  /** `pointer` is set when the id came in a body. @throws NotFoundError, ReferenceNotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: VpnGatewayId, pointer?: string): Promise<VpnGatewayEntity> {
    return found(await tx.manager.findOneBy(VpnGatewayEntity, { tenantId, id }), id, pointer);
  }

  /** The row, locked until the transaction ends; after the VPC, where one is locked too. @throws NotFoundError */
  async lock(tx: Tx, tenantId: TenantId, id: VpnGatewayId): Promise<VpnGatewayEntity> {
    const where = { tenantId, id };
    return found(await tx.manager.findOne(VpnGatewayEntity, { where, lock: { mode: 'pessimistic_write' } }), id);
  }

  /** @throws ConflictError `VpcHasVpnGateway` */
  async save(tx: Tx, gateway: VpnGatewayEntity): Promise<void> {
    const { tenantId, id, createdAt: _createdAt, ...columns } = gateway;
    await translating({ vpn_gateway_one_a_vpc: oneVpcOneGateway }, () =>
      tx.manager.update(VpnGatewayEntity, { tenantId, id }, columns),
    );
  }

  async delete(tx: Tx, { tenantId, id }: VpnGatewayEntity): Promise<void> {
    await tx.manager.delete(VpnGatewayEntity, { tenantId, id });
  }

  count(tx: Tx, tenantId: TenantId): Promise<number> {
    return tx.manager.countBy(VpnGatewayEntity, { tenantId });
  }

  list(tx: Tx, tenantId: TenantId, page: PageRequest, filter: VpnGatewayFilter): Promise<Page<VpnGatewayEntity>> {
    const where = { tenantId, ...(filter.vpcId ? { vpcId: filter.vpcId } : {}) };
    return pageOfEntities(tx, VpnGatewayEntity, page, where, (query) => havingTags(query, filter.tag));
  }
}

function found(gateway: VpnGatewayEntity | null, id: VpnGatewayId, pointer?: string): VpnGatewayEntity {
  if (gateway) return gateway;
  throw pointer === undefined
    ? new NotFoundError('VPN gateway', id)
    : new ReferenceNotFoundError('VPN gateway', id, pointer);
}
