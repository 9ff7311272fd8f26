import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { Clock, newId, type OpContext, type VpcId } from '#kernel';
import { QuotaRepository, TagRepository, type Tags } from '#tenancy';
import { NOWHERE } from '../domain/resource-state.js';
import { VpcRepository } from '../infra/vpc.repository.js';
import { VpnGatewayEntity } from '../infra/vpn-gateway.entity.js';
import { VpnGatewayRepository } from '../infra/vpn-gateway.repository.js';
import { NetworkChanges } from './network-changes.js';
import { type Placed, placedIn } from './placed.js';
import { vpnGatewayRecord } from './vpn-records.js';

export interface CreateVpnGateway {
  vpcId?: VpcId;
  name?: string;
  tags?: Tags;
}

@Injectable()
export class CreateVpnGatewayService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly vpcs: VpcRepository,
    private readonly gateways: VpnGatewayRepository,
    private readonly quotas: QuotaRepository,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  /** Attached at once when it names a VPC. @throws ConflictError `VpcHasVpnGateway` */
  execute(ctx: OpContext, input: CreateVpnGateway): Promise<Placed<VpnGatewayEntity>> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'network:write');
      await this.quotas.lock(tx, ctx.tenantId);
      await this.quotas.require(tx, ctx.tenantId, 'vpn-gateways', await this.gateways.count(tx, ctx.tenantId));
      const vpc = input.vpcId ? await this.vpcs.lockForChange(tx, ctx, input.vpcId, '/vpcId') : null;
      const now = this.clock.now();
      const gateway = Object.assign(new VpnGatewayEntity(), {
        tenantId: ctx.tenantId,
        id: newId('vpnGateway', now.getTime()),
        name: input.name ?? null,
        vpcId: vpc?.id ?? null,
        detaching: false,
        changedGeneration: vpc?.generation ?? 0,
        deleting: false,
        version: 1,
        createdAt: now,
      });
      const tags = input.tags ?? {};
      await this.gateways.insert(tx, gateway);
      await this.tags.insert(tx, ctx.tenantId, gateway.id, tags);
      const after = vpnGatewayRecord(gateway, tags);
      const change = {
        action: 'vpn-gateway.created',
        type: 'vpn-gateway',
        id: gateway.id,
        version: 1,
        before: null,
        after,
      };
      if (vpc) this.changes.record(tx, vpc, change);
      else this.changes.recordUnplaced(tx, change);
      return placedIn(vpc ?? NOWHERE, gateway, tags);
    });
  }
}
