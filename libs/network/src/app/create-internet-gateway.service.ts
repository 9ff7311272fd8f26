import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { Clock, newId, type OpContext, type VpcId } from '#kernel';
import { QuotaRepository, TagRepository, type Tags } from '#tenancy';
import { VpcHasInternetGatewayError } from '../domain/internet-gateway.errors.js';
import { NOWHERE } from '../domain/resource-state.js';
import { InternetGatewayEntity } from '../infra/internet-gateway.entity.js';
import { InternetGatewayRepository } from '../infra/internet-gateway.repository.js';
import { VpcRepository } from '../infra/vpc.repository.js';
import { NetworkChanges } from './network-changes.js';
import { internetGatewayRecord } from './network-records.js';
import { type Placed, placedIn } from './placed.js';

export interface CreateInternetGateway {
  /** Attach it to this VPC at once. */
  vpcId?: VpcId;
  name?: string;
  tags?: Tags;
}

@Injectable()
export class CreateInternetGatewayService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly vpcs: VpcRepository,
    private readonly gateways: InternetGatewayRepository,
    private readonly quotas: QuotaRepository,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  /** @throws ReferenceNotFoundError, VpcHasInternetGatewayError, QuotaExceededError */
  execute(ctx: OpContext, input: CreateInternetGateway): Promise<Placed<InternetGatewayEntity>> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'network:write');
      await this.quotas.lock(tx, ctx.tenantId);
      await this.quotas.requireRoom(tx, ctx.tenantId, 'internet-gateways', this.gateways.counting(ctx.tenantId));
      const vpc = input.vpcId && (await this.vpcs.lockForChange(tx, ctx, input.vpcId, '/vpcId'));
      if (vpc) {
        const attached = await this.gateways.attachedTo(tx, ctx.tenantId, vpc.id);
        if (attached) throw new VpcHasInternetGatewayError(vpc.id, attached.id);
      }
      const now = this.clock.now();
      const gateway = Object.assign(new InternetGatewayEntity(), {
        tenantId: ctx.tenantId,
        id: newId('internetGateway', now.getTime()),
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
      this.changes.recordIn(tx, vpc ?? null, {
        action: 'internet-gateway.created',
        type: 'internet-gateway',
        id: gateway.id,
        version: 1,
        before: null,
        after: internetGatewayRecord(gateway, tags),
      });
      return placedIn(vpc ?? NOWHERE, gateway, tags);
    });
  }
}
