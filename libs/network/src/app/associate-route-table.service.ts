import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import {
  Clock,
  ConflictError,
  InvalidInputError,
  type JsonValue,
  newId,
  type OpContext,
  type RouteTableAssociationId,
  type RouteTableId,
  requireMatch,
  type SubnetId,
  type VpcId,
} from '#kernel';
import { RouteTableRepository } from '../infra/route-table.repository.js';
import { RouteTableAssociationEntity } from '../infra/route-table-association.entity.js';
import { RouteTableAssociationRepository } from '../infra/route-table-association.repository.js';
import { SubnetRepository } from '../infra/subnet.repository.js';
import { type LockedVpc, VpcRepository } from '../infra/vpc.repository.js';
import { NetworkChanges } from './network-changes.js';
import { associationRecord } from './network-records.js';
import { type PlacedAssociation, placedAssociation } from './route-table-association.query.js';
import { RouteTableEditor } from './route-table-editor.js';

/** Says which table routes a subnet. A subnet without an association is routed by the VPC's main table. */
@Injectable()
export class AssociateRouteTableService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly vpcs: VpcRepository,
    private readonly subnets: SubnetRepository,
    private readonly routeTables: RouteTableRepository,
    private readonly associations: RouteTableAssociationRepository,
    private readonly editor: RouteTableEditor,
    private readonly changes: NetworkChanges,
  ) {}

  /** @throws NotFoundError, ReferenceNotFoundError, InvalidInputError, ConflictError `SubnetAssociated` */
  associate(ctx: OpContext, tableId: RouteTableId, input: { subnetId: SubnetId }): Promise<PlacedAssociation> {
    return this.uow.run(ctx, async (tx) => {
      const { vpc, table } = await this.editor.open(tx, ctx, tableId);
      const subnet = await this.subnets.referred(tx, ctx.tenantId, input.subnetId, '/subnetId');
      requireSameVpc('/subnetId', subnet, table.vpcId);
      if (subnet.deleting) throw new ConflictError('Deleting', `subnet ${subnet.id} is being deleted.`);
      const now = this.clock.now();
      const association = Object.assign(new RouteTableAssociationEntity(), {
        tenantId: ctx.tenantId,
        id: newId('routeTableAssociation', now.getTime()),
        vpcId: table.vpcId,
        routeTableId: tableId,
        subnetId: subnet.id,
        changedGeneration: vpc.generation,
        version: 1,
        createdAt: now,
      });
      await this.associations.insert(tx, association);
      await this.editor.save(tx, table);
      this.record(tx, vpc, association, 'created', null);
      return placedAssociation(vpc, association);
    });
  }

  /** Moves the subnet to another table of the VPC; at no time it has none. */
  replace(
    ctx: OpContext,
    id: RouteTableAssociationId,
    input: { routeTableId: RouteTableId },
  ): Promise<PlacedAssociation> {
    return this.uow.run(ctx, async (tx) => {
      const { vpc, association } = await this.open(tx, ctx, id);
      const next = await this.routeTables.referred(tx, ctx.tenantId, input.routeTableId, '/routeTableId');
      requireSameVpc('/routeTableId', next, association.vpcId);
      if (next.deleting) throw new ConflictError('Deleting', `route table ${next.id} is being deleted.`);
      if (next.id === association.routeTableId)
        throw new ConflictError(
          'AlreadyInState',
          `subnet ${association.subnetId} is associated with ${next.id} already.`,
        );
      const before = associationRecord(association);
      await this.editor.touch(tx, vpc, await this.routeTables.get(tx, ctx.tenantId, association.routeTableId));
      await this.editor.touch(tx, vpc, next);
      Object.assign(association, {
        routeTableId: next.id,
        changedGeneration: vpc.generation,
        version: association.version + 1,
      });
      await this.associations.save(tx, association);
      this.record(tx, vpc, association, 'replaced', before);
      return placedAssociation(vpc, association);
    });
  }

  /** From now on the main table routes the subnet. */
  disassociate(ctx: OpContext, id: RouteTableAssociationId): Promise<PlacedAssociation> {
    return this.uow.run(ctx, async (tx) => {
      const { vpc, association } = await this.open(tx, ctx, id);
      return this.drop(tx, ctx, vpc, association);
    });
  }

  /** A subnet that goes takes its association with it. */
  async dropOfSubnet(tx: Tx, ctx: OpContext, vpc: LockedVpc, subnetId: SubnetId): Promise<void> {
    const association = await this.associations.ofSubnet(tx, ctx.tenantId, subnetId);
    if (association) await this.drop(tx, ctx, vpc, association);
  }

  private async drop(
    tx: Tx,
    ctx: OpContext,
    vpc: LockedVpc,
    association: RouteTableAssociationEntity,
  ): Promise<PlacedAssociation> {
    await this.associations.remove(tx, association);
    await this.editor.touch(tx, vpc, await this.routeTables.get(tx, ctx.tenantId, association.routeTableId));
    const before = associationRecord(association);
    association.version += 1;
    this.record(tx, vpc, association, 'deleted', before);
    return { ...placedAssociation(vpc, association), state: 'deleting' };
  }

  private async open(tx: Tx, ctx: OpContext, id: RouteTableAssociationId) {
    requirePermission(ctx, 'network:write');
    const { vpcId } = await this.associations.get(tx, ctx.tenantId, id);
    const vpc = await this.vpcs.lockForChange(tx, ctx, vpcId);
    const association = await this.associations.get(tx, ctx.tenantId, id);
    requireMatch(ctx, association);
    return { vpc, association };
  }

  private record(
    tx: Tx,
    vpc: LockedVpc,
    association: RouteTableAssociationEntity,
    verb: 'created' | 'replaced' | 'deleted',
    before: JsonValue,
  ): void {
    this.changes.record(tx, vpc, {
      action: `route-table-association.${verb}`,
      type: 'route-table-association',
      id: association.id,
      version: association.version,
      before,
      after: verb === 'deleted' ? null : associationRecord(association),
    });
  }
}

function requireSameVpc(pointer: string, resource: { id: string; vpcId: VpcId }, vpcId: VpcId): void {
  if (resource.vpcId === vpcId) return;
  throw new InvalidInputError([
    {
      pointer,
      rule: 'association.same-vpc',
      message: `${resource.id} belongs to ${resource.vpcId}, the other end to ${vpcId}`,
      fix: 'use a subnet and a route table of one VPC',
    },
  ]);
}
