import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import {
  ConflictError,
  DependencyViolationError,
  type OpContext,
  requireMatch,
  type VpcId,
  type VpnGatewayId,
} from '#kernel';
import { TagRepository } from '#tenancy';
import { GatewayAttachedError, GatewayDetachingError } from '../domain/internet-gateway.errors.js';
import { type LockedVpc, VpcRepository } from '../infra/vpc.repository.js';
import { VpnContents } from '../infra/vpn-contents.js';
import type { VpnGatewayEntity } from '../infra/vpn-gateway.entity.js';
import { VpnGatewayRepository } from '../infra/vpn-gateway.repository.js';
import { NetworkChanges } from './network-changes.js';
import { type Placed, placedIn } from './placed.js';
import { vpnGatewayRecord } from './vpn-records.js';

/** Attaches VPN gateways to VPCs and detaches them. The VPC's row is locked first, then the gateway's. */
@Injectable()
export class AttachVpnGatewayService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly vpcs: VpcRepository,
    private readonly gateways: VpnGatewayRepository,
    private readonly contents: VpnContents,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  /** A gateway that is being detached can go back to the same VPC at once. @throws ConflictError */
  attach(ctx: OpContext, id: VpnGatewayId, vpcId: VpcId): Promise<Placed<VpnGatewayEntity>> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'network:write');
      await this.gateways.get(tx, ctx.tenantId, id);
      const vpc = await this.vpcs.lockForChange(tx, ctx, vpcId, '/vpcId');
      const gateway = await this.gateways.lock(tx, ctx.tenantId, id);
      requireMatch(ctx, gateway);
      requireFree(gateway, vpcId);
      return this.change(tx, vpc, gateway, 'vpn-gateway.attached', { vpcId, detaching: false });
    });
  }

  /** Static routes to it stay, as blackholes. @throws DependencyViolationError; ConflictError `GatewayNotAttached` */
  detach(ctx: OpContext, id: VpnGatewayId, vpcId: VpcId): Promise<Placed<VpnGatewayEntity>> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'network:write');
      requireAttached(await this.gateways.get(tx, ctx.tenantId, id), vpcId);
      const vpc = await this.vpcs.lockForChange(tx, ctx, vpcId);
      const gateway = await this.gateways.lock(tx, ctx.tenantId, id);
      requireAttached(gateway, vpcId);
      requireMatch(ctx, gateway);
      const blockers = await this.contents.ofVpnGateway(tx, ctx.tenantId, id);
      if (blockers.length > 0) throw new DependencyViolationError('VPN gateway', id, blockers);
      return this.change(tx, vpc, gateway, 'vpn-gateway.detached', { detaching: true });
    });
  }

  private async change(
    tx: Tx,
    vpc: LockedVpc,
    gateway: VpnGatewayEntity,
    action: string,
    to: Partial<VpnGatewayEntity>,
  ): Promise<Placed<VpnGatewayEntity>> {
    const tags = (await this.tags.of(tx, vpc.tenantId, [gateway.id])).get(gateway.id) ?? {};
    const before = vpnGatewayRecord(gateway, tags);
    Object.assign(gateway, to, { changedGeneration: vpc.generation, version: gateway.version + 1 });
    await this.gateways.save(tx, gateway);
    this.changes.record(tx, vpc, {
      action,
      type: 'vpn-gateway',
      id: gateway.id,
      version: gateway.version,
      before,
      after: vpnGatewayRecord(gateway, tags),
    });
    return placedIn(vpc, gateway, tags);
  }
}

function requireFree(gateway: VpnGatewayEntity, vpcId: VpcId): void {
  const { id } = gateway;
  if (gateway.deleting) throw new ConflictError('Deleting', `VPN gateway ${id} is being deleted.`);
  if (gateway.vpcId === null) return;
  if (!gateway.detaching) throw new GatewayAttachedError(id, gateway.vpcId);
  if (gateway.vpcId !== vpcId) throw new GatewayDetachingError(id, gateway.vpcId);
}

function requireAttached(gateway: VpnGatewayEntity, vpcId: VpcId): void {
  if (gateway.vpcId === vpcId && !gateway.detaching) return;
  throw new ConflictError('GatewayNotAttached', `VPN gateway ${gateway.id} is not attached to ${vpcId}.`, {
    errors: [
      {
        pointer: '/vpcId',
        rule: 'vpn-gateway.attached',
        message: `the gateway is not attached to ${vpcId}`,
        fix: 'send the vpcId that the gateway shows; when it shows none, it is detached already',
      },
    ],
  });
}
