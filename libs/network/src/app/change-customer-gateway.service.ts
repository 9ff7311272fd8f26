import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { ConflictError, type CustomerGatewayId, DependencyViolationError, type OpContext, requireMatch } from '#kernel';
import { TagRepository, type Tags } from '#tenancy';
import type { CustomerGatewayEntity } from '../infra/customer-gateway.entity.js';
import { CustomerGatewayRepository } from '../infra/customer-gateway.repository.js';
import { VpnConnectionRepository } from '../infra/vpn-connection.repository.js';
import { VpnContents } from '../infra/vpn-contents.js';
import { NetworkChanges } from './network-changes.js';
import { type Placed, placedNowhere } from './placed.js';
import { customerGatewayRecord } from './vpn-records.js';

export interface UpdateCustomerGateway {
  name?: string | null;
  tags?: Tags;
}

/** Renames, tags and deletes customer gateways. Address, key and AS number never change: another end is another gateway. */
@Injectable()
export class ChangeCustomerGatewayService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly gateways: CustomerGatewayRepository,
    private readonly connections: VpnConnectionRepository,
    private readonly contents: VpnContents,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  update(ctx: OpContext, id: CustomerGatewayId, input: UpdateCustomerGateway): Promise<Placed<CustomerGatewayEntity>> {
    return this.uow.run(ctx, async (tx) => {
      const { gateway, tags } = await this.open(tx, ctx, id);
      const before = customerGatewayRecord(gateway, tags);
      Object.assign(gateway, {
        name: input.name === undefined ? gateway.name : input.name,
        version: gateway.version + 1,
      });
      await this.gateways.save(tx, gateway);
      if (input.tags) await this.tags.replace(tx, ctx.tenantId, id, input.tags);
      const newTags = input.tags ?? tags;
      this.changes.recordUnplaced(tx, {
        action: 'customer-gateway.updated',
        type: 'customer-gateway',
        id,
        version: gateway.version,
        before,
        after: customerGatewayRecord(gateway, newTags),
      });
      return placedNowhere(gateway, newTags);
    });
  }

  /** Its row stays while a connection to it, itself being deleted, is still in the data plane. @throws DependencyViolationError */
  delete(ctx: OpContext, id: CustomerGatewayId): Promise<Placed<CustomerGatewayEntity>> {
    return this.uow.run(ctx, async (tx) => {
      const { gateway, tags } = await this.open(tx, ctx, id);
      const blockers = await this.contents.ofCustomerGateway(tx, ctx.tenantId, id);
      if (blockers.length > 0) throw new DependencyViolationError('customer gateway', id, blockers);
      const before = customerGatewayRecord(gateway, tags);
      Object.assign(gateway, { deleting: true, version: gateway.version + 1 });
      if (await this.connections.remainFor(tx, ctx.tenantId, id)) await this.gateways.save(tx, gateway);
      else {
        await this.gateways.delete(tx, gateway);
        await this.tags.replace(tx, ctx.tenantId, id, {});
      }
      this.changes.recordUnplaced(tx, {
        action: 'customer-gateway.deleted',
        type: 'customer-gateway',
        id,
        version: gateway.version,
        before,
        after: null,
      });
      return placedNowhere(gateway, tags);
    });
  }

  private async open(
    tx: Tx,
    ctx: OpContext,
    id: CustomerGatewayId,
  ): Promise<{ gateway: CustomerGatewayEntity; tags: Tags }> {
    requirePermission(ctx, 'network:write');
    const gateway = await this.gateways.lock(tx, ctx.tenantId, id);
    if (gateway.deleting) throw new ConflictError('Deleting', `customer gateway ${id} is being deleted.`);
    requireMatch(ctx, gateway);
    const tags = (await this.tags.of(tx, ctx.tenantId, [id])).get(id) ?? {};
    return { gateway, tags };
  }
}
