import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import {
  type Blocker,
  ConflictError,
  DependencyViolationError,
  type InternetGatewayId,
  type OpContext,
  requireMatch,
} from '#kernel';
import { TagRepository, type Tags } from '#tenancy';
import type { InternetGatewayEntity } from '../infra/internet-gateway.entity.js';
import { InternetGatewayRepository } from '../infra/internet-gateway.repository.js';
import { NatGatewayRepository } from '../infra/nat-gateway.repository.js';
import { natGatewayBlocker } from '../infra/vpc-contents.js';
import { NetworkChanges } from './network-changes.js';
import { internetGatewayRecord } from './network-records.js';
import type { Placed } from './placed.js';
import { Placement } from './placement.js';

export interface UpdateInternetGateway {
  name?: string | null;
  tags?: Tags;
}

/** Renames, tags and deletes internet gateways: nothing that a VPC's data plane would see, so no VPC is locked. */
@Injectable()
export class ChangeInternetGatewayService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly gateways: InternetGatewayRepository,
    private readonly natGateways: NatGatewayRepository,
    private readonly placement: Placement,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  update(ctx: OpContext, id: InternetGatewayId, input: UpdateInternetGateway): Promise<Placed<InternetGatewayEntity>> {
    return this.uow.run(ctx, async (tx) => {
      const { gateway, tags } = await this.open(tx, ctx, id);
      const before = internetGatewayRecord(gateway, tags);
      if (input.name !== undefined) gateway.name = input.name;
      gateway.version += 1;
      await this.gateways.save(tx, gateway);
      if (input.tags) await this.tags.replace(tx, ctx.tenantId, id, input.tags);
      this.changes.recordUnplaced(tx, {
        action: 'internet-gateway.updated',
        type: 'internet-gateway',
        id,
        version: gateway.version,
        scopeId: gateway.detaching ? null : gateway.vpcId,
        before,
        after: internetGatewayRecord(gateway, input.tags ?? tags),
      });
      return this.placement.one(tx, ctx, gateway);
    });
  }

  /** One that is still being detached goes when that is realised. @throws DependencyViolationError while it is attached */
  delete(ctx: OpContext, id: InternetGatewayId): Promise<Placed<InternetGatewayEntity>> {
    return this.uow.run(ctx, async (tx) => {
      const { gateway, tags } = await this.open(tx, ctx, id);
      const blockers = await this.blockers(tx, gateway);
      if (blockers.length > 0) throw new DependencyViolationError('internet gateway', id, blockers);
      const before = internetGatewayRecord(gateway, tags);
      gateway.version += 1;
      gateway.deleting = true;
      const placed = await this.placement.one(tx, ctx, gateway);
      if (gateway.vpcId === null) {
        await this.gateways.remove(tx, gateway);
        await this.tags.replace(tx, ctx.tenantId, id, {});
      } else {
        await this.gateways.save(tx, gateway);
      }
      this.changes.recordUnplaced(tx, {
        action: 'internet-gateway.deleted',
        type: 'internet-gateway',
        id,
        version: gateway.version,
        before,
        after: null,
      });
      return placed;
    });
  }

  private async blockers(tx: Tx, { tenantId, id, vpcId, detaching }: InternetGatewayEntity): Promise<Blocker[]> {
    if (vpcId === null || detaching) return [];
    const users = await this.natGateways.liveIn(tx, tenantId, vpcId);
    const fix = `POST /v1/internet-gateways/${id}/detach {"vpcId": "${vpcId}"}`;
    return [...users.map(natGatewayBlocker), { id: vpcId, kind: 'vpc', fix }];
  }

  private async open(tx: Tx, ctx: OpContext, id: InternetGatewayId) {
    requirePermission(ctx, 'network:write');
    const gateway = await this.gateways.lock(tx, ctx.tenantId, id);
    if (gateway.deleting) throw new ConflictError('Deleting', `internet gateway ${id} is being deleted.`);
    requireMatch(ctx, gateway);
    const tags = (await this.tags.of(tx, ctx.tenantId, [id])).get(id) ?? {};
    return { gateway, tags };
  }
}
