import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { ConflictError, type NatGatewayId, type OpContext, requireMatch } from '#kernel';
import { TagRepository, type Tags } from '#tenancy';
import type { NatGatewayEntity } from '../infra/nat-gateway.entity.js';
import { NatGatewayRepository } from '../infra/nat-gateway.repository.js';
import { VpcRepository } from '../infra/vpc.repository.js';
import { NetworkChanges } from './network-changes.js';
import { natGatewayRecord } from './network-records.js';
import { type Placed, placedIn } from './placed.js';

export interface UpdateNatGateway {
  name?: string | null;
  tags?: Tags;
}

/** Renames, tags and deletes NAT gateways. */
@Injectable()
export class ChangeNatGatewayService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly vpcs: VpcRepository,
    private readonly natGateways: NatGatewayRepository,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  update(ctx: OpContext, id: NatGatewayId, input: UpdateNatGateway): Promise<Placed<NatGatewayEntity>> {
    return this.change(ctx, id, 'nat-gateway.updated', async (tx, gateway) => {
      if (input.name !== undefined) gateway.name = input.name;
      if (input.tags) await this.tags.replace(tx, ctx.tenantId, id, input.tags);
    });
  }

  /** Routes to it become blackholes. Its addresses are free again when the data plane has let go of it. */
  delete(ctx: OpContext, id: NatGatewayId): Promise<Placed<NatGatewayEntity>> {
    return this.change(ctx, id, 'nat-gateway.deleted', async (_tx, gateway) => {
      gateway.deleting = true;
    });
  }

  private change(
    ctx: OpContext,
    id: NatGatewayId,
    action: string,
    edit: (tx: Tx, gateway: NatGatewayEntity) => Promise<void>,
  ): Promise<Placed<NatGatewayEntity>> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'network:write');
      const { vpcId } = await this.natGateways.get(tx, ctx.tenantId, id);
      const vpc = await this.vpcs.lockForChange(tx, ctx, vpcId);
      const gateway = await this.natGateways.get(tx, ctx.tenantId, id);
      if (gateway.deleting) throw new ConflictError('Deleting', `NAT gateway ${id} is being deleted.`);
      requireMatch(ctx, gateway);
      const before = natGatewayRecord(gateway, await this.tagsOf(tx, ctx, id));
      await edit(tx, gateway);
      Object.assign(gateway, { changedGeneration: vpc.generation, version: gateway.version + 1 });
      await this.natGateways.save(tx, gateway);
      const tags = await this.tagsOf(tx, ctx, id);
      const after = gateway.deleting ? null : natGatewayRecord(gateway, tags);
      this.changes.record(tx, vpc, { action, type: 'nat-gateway', id, version: gateway.version, before, after });
      return placedIn(vpc, gateway, tags);
    });
  }

  private async tagsOf(tx: Tx, ctx: OpContext, id: NatGatewayId): Promise<Tags> {
    return (await this.tags.of(tx, ctx.tenantId, [id])).get(id) ?? {};
  }
}
