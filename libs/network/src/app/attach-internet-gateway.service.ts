import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import {
  ConflictError,
  DependencyViolationError,
  type InternetGatewayId,
  type OpContext,
  requireMatch,
  type VpcId,
} from '#kernel';
import {
  GatewayAttachedError,
  GatewayDetachingError,
  GatewayNotAttachedError,
  VpcHasInternetGatewayError,
} from '../domain/internet-gateway.errors.js';
import type { InternetGatewayEntity } from '../infra/internet-gateway.entity.js';
import { InternetGatewayRepository } from '../infra/internet-gateway.repository.js';
import { NatGatewayRepository } from '../infra/nat-gateway.repository.js';
import { type LockedVpc, VpcRepository } from '../infra/vpc.repository.js';
import { natGatewayBlocker } from '../infra/vpc-contents.js';
import { NetworkChanges } from './network-changes.js';
import { internetGatewayRecord } from './network-records.js';
import type { Placed } from './placed.js';
import { Placement } from './placement.js';

/** Attaches internet gateways to VPCs and detaches them. The VPC is locked first, then the gateway. */
@Injectable()
export class AttachInternetGatewayService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly vpcs: VpcRepository,
    private readonly gateways: InternetGatewayRepository,
    private readonly natGateways: NatGatewayRepository,
    private readonly placement: Placement,
    private readonly changes: NetworkChanges,
  ) {}

  /** @throws GatewayAttachedError, GatewayDetachingError, VpcHasInternetGatewayError */
  attach(ctx: OpContext, id: InternetGatewayId, { vpcId }: { vpcId: VpcId }): Promise<Placed<InternetGatewayEntity>> {
    return this.uow.run(ctx, async (tx) => {
      const { vpc, gateway } = await this.open(tx, ctx, id, vpcId);
      if (gateway.vpcId !== null && !gateway.detaching) throw new GatewayAttachedError(id, gateway.vpcId);
      if (gateway.vpcId !== null && gateway.vpcId !== vpcId) throw new GatewayDetachingError(id, gateway.vpcId);
      const other = await this.gateways.attachedTo(tx, ctx.tenantId, vpcId);
      if (other) throw new VpcHasInternetGatewayError(vpcId, other.id);
      return this.change(tx, ctx, vpc, gateway, 'internet-gateway.attached', { vpcId, detaching: false });
    });
  }

  /** Routes to it become blackholes. @throws GatewayNotAttachedError; DependencyViolationError while NAT gateways need it */
  detach(ctx: OpContext, id: InternetGatewayId, { vpcId }: { vpcId: VpcId }): Promise<Placed<InternetGatewayEntity>> {
    return this.uow.run(ctx, async (tx) => {
      const { vpc, gateway } = await this.open(tx, ctx, id, vpcId);
      if (gateway.vpcId !== vpcId || gateway.detaching) throw new GatewayNotAttachedError(id, vpcId);
      const users = await this.natGateways.liveIn(tx, ctx.tenantId, vpcId);
      if (users.length > 0) throw new DependencyViolationError('internet gateway', id, users.map(natGatewayBlocker));
      return this.change(tx, ctx, vpc, gateway, 'internet-gateway.detached', { detaching: true });
    });
  }

  private async open(tx: Tx, ctx: OpContext, id: InternetGatewayId, vpcId: VpcId) {
    requirePermission(ctx, 'network:write');
    await this.gateways.get(tx, ctx.tenantId, id);
    const vpc = await this.vpcs.lockForChange(tx, ctx, vpcId, '/vpcId');
    const gateway = await this.gateways.lock(tx, ctx.tenantId, id);
    if (gateway.deleting) throw new ConflictError('Deleting', `internet gateway ${id} is being deleted.`);
    requireMatch(ctx, gateway);
    return { vpc, gateway };
  }

  private async change(
    tx: Tx,
    ctx: OpContext,
    vpc: LockedVpc,
    gateway: InternetGatewayEntity,
    action: string,
    to: Partial<InternetGatewayEntity>,
  ): Promise<Placed<InternetGatewayEntity>> {
    const { tags } = await this.placement.one(tx, ctx, gateway);
    const before = internetGatewayRecord(gateway, tags);
    Object.assign(gateway, to, { changedGeneration: vpc.generation, version: gateway.version + 1 });
    await this.gateways.save(tx, gateway);
    this.changes.record(tx, vpc, {
      action,
      type: 'internet-gateway',
      id: gateway.id,
      version: gateway.version,
      before,
      after: internetGatewayRecord(gateway, tags),
    });
    return this.placement.one(tx, ctx, gateway);
  }
}
