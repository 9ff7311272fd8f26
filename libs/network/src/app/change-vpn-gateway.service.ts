import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { ConflictError, DependencyViolationError, type OpContext, requireMatch, type VpnGatewayId } from '#kernel';
import { TagRepository, type Tags } from '#tenancy';
import { VpnContents } from '../infra/vpn-contents.js';
import type { VpnGatewayEntity } from '../infra/vpn-gateway.entity.js';
import { VpnGatewayRepository } from '../infra/vpn-gateway.repository.js';
import { NetworkChanges } from './network-changes.js';
import type { Placed } from './placed.js';
import { Placement } from './placement.js';
import { vpnGatewayRecord } from './vpn-records.js';

export interface UpdateVpnGateway {
  name?: string | null;
  tags?: Tags;
}

/** Renames, tags and deletes VPN gateways. The data plane knows neither names nor tags, so no VPC is changed by them. */
@Injectable()
export class ChangeVpnGatewayService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly gateways: VpnGatewayRepository,
    private readonly contents: VpnContents,
    private readonly tags: TagRepository,
    private readonly placement: Placement,
    private readonly changes: NetworkChanges,
  ) {}

  update(ctx: OpContext, id: VpnGatewayId, input: UpdateVpnGateway): Promise<Placed<VpnGatewayEntity>> {
    return this.uow.run(ctx, async (tx) => {
      const { gateway, tags } = await this.open(tx, ctx, id);
      const before = vpnGatewayRecord(gateway, tags);
      Object.assign(gateway, {
        name: input.name === undefined ? gateway.name : input.name,
        version: gateway.version + 1,
      });
      await this.gateways.save(tx, gateway);
      if (input.tags) await this.tags.replace(tx, ctx.tenantId, id, input.tags);
      const newTags = input.tags ?? tags;
      this.changes.recordUnplaced(tx, {
        action: 'vpn-gateway.updated',
        type: 'vpn-gateway',
        id,
        version: gateway.version,
        scopeId: gateway.detaching ? null : gateway.vpcId,
        before,
        after: vpnGatewayRecord(gateway, newTags),
      });
      return this.placement.one(tx, ctx, gateway);
    });
  }

  /** Only of a gateway in no VPC; while it is being detached its row stays until the data plane has let go of it. @throws DependencyViolationError */
  delete(ctx: OpContext, id: VpnGatewayId): Promise<Placed<VpnGatewayEntity>> {
    return this.uow.run(ctx, async (tx) => {
      const { gateway, tags } = await this.open(tx, ctx, id);
      if (gateway.vpcId !== null && !gateway.detaching) {
        throw new DependencyViolationError('VPN gateway', id, [
          ...(await this.contents.ofVpnGateway(tx, ctx.tenantId, id)),
          {
            id: gateway.vpcId,
            kind: 'vpc',
            fix: `POST /v1/vpn-gateways/${id}/detach {"vpcId": "${gateway.vpcId}"}`,
          },
        ]);
      }
      const before = vpnGatewayRecord(gateway, tags);
      Object.assign(gateway, { deleting: true, version: gateway.version + 1 });
      if (gateway.vpcId !== null) await this.gateways.save(tx, gateway);
      else {
        await this.gateways.delete(tx, gateway);
        await this.tags.replace(tx, ctx.tenantId, id, {});
      }
      this.changes.recordUnplaced(tx, {
        action: 'vpn-gateway.deleted',
        type: 'vpn-gateway',
        id,
        version: gateway.version,
        before,
        after: null,
      });
      return { ...(await this.placement.one(tx, ctx, gateway)), tags };
    });
  }

  private async open(tx: Tx, ctx: OpContext, id: VpnGatewayId): Promise<{ gateway: VpnGatewayEntity; tags: Tags }> {
    requirePermission(ctx, 'network:write');
    const gateway = await this.gateways.lock(tx, ctx.tenantId, id);
    if (gateway.deleting) throw new ConflictError('Deleting', `VPN gateway ${id} is being deleted.`);
    requireMatch(ctx, gateway);
    const tags = (await this.tags.of(tx, ctx.tenantId, [id])).get(id) ?? {};
    return { gateway, tags };
  }
}
