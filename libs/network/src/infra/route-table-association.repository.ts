import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import { type Tx, translating } from '#database';
import {
  ConflictError,
  NotFoundError,
  type RouteTableAssociationId,
  type RouteTableId,
  type SubnetId,
  type TenantId,
} from '#kernel';
import { RouteTableAssociationEntity } from './route-table-association.entity.js';

@Injectable()
export class RouteTableAssociationRepository {
  /** @throws ConflictError `SubnetAssociated` */
  async insert(tx: Tx, association: RouteTableAssociationEntity): Promise<void> {
    const { tenantId, subnetId } = association;
    const existing = await this.ofSubnet(tx, tenantId, subnetId);
    if (existing) throw subnetAssociated(existing);
    await translating({ route_table_association_one_a_subnet: () => subnetAssociated(association) }, () =>
      tx.manager.insert(RouteTableAssociationEntity, association),
    );
  }

  /** @throws NotFoundError */
  async get(tx: Tx, tenantId: TenantId, id: RouteTableAssociationId): Promise<RouteTableAssociationEntity> {
    const association = await tx.manager.findOneBy(RouteTableAssociationEntity, { tenantId, id });
    if (!association) throw new NotFoundError('route table association', id);
    return association;
  }

  ofSubnet(tx: Tx, tenantId: TenantId, subnetId: SubnetId): Promise<RouteTableAssociationEntity | null> {
    return tx.manager.findOneBy(RouteTableAssociationEntity, { tenantId, subnetId });
  }

  async ofTables(
    tx: Tx,
    tenantId: TenantId,
    tableIds: readonly RouteTableId[],
  ): Promise<Map<RouteTableId, RouteTableAssociationEntity[]>> {
    const found = new Map<RouteTableId, RouteTableAssociationEntity[]>(tableIds.map((id) => [id, []]));
    if (tableIds.length === 0) return found;
    const rows = await tx.manager.find(RouteTableAssociationEntity, {
      where: { tenantId, routeTableId: In([...tableIds]) },
      order: { id: 'ASC' },
    });
    for (const row of rows) found.get(row.routeTableId)?.push(row);
    return found;
  }

  async save(tx: Tx, association: RouteTableAssociationEntity): Promise<void> {
    const { tenantId, id, routeTableId, changedGeneration, version } = association;
    await tx.manager.update(
      RouteTableAssociationEntity,
      { tenantId, id },
      { routeTableId, changedGeneration, version },
    );
  }

  async remove(tx: Tx, { tenantId, id }: RouteTableAssociationEntity): Promise<void> {
    await tx.manager.delete(RouteTableAssociationEntity, { tenantId, id });
  }
}

function subnetAssociated({ id, subnetId, routeTableId }: RouteTableAssociationEntity): ConflictError {
  return new ConflictError('SubnetAssociated', `subnet ${subnetId} is associated with a route table already.`, {
    errors: [
      {
        pointer: '/subnetId',
        rule: 'association.one-a-subnet',
        message: `${id} associates it with ${routeTableId}`,
        fix: `move it with PUT /v1/route-table-associations/${id}, or delete that association first`,
      },
    ],
  });
}
