import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { Clock, newId, type OpContext } from '#kernel';
import { QuotaRepository, TagRepository, type Tags } from '#tenancy';
import { CustomerGatewayEntity } from '../infra/customer-gateway.entity.js';
import { CustomerGatewayRepository } from '../infra/customer-gateway.repository.js';
import { NetworkChanges } from './network-changes.js';
import { type Placed, placedNowhere } from './placed.js';
import { customerGatewayRecord } from './vpn-records.js';

/** The address was parsed; at least one of key and AS number is there. */
export interface CreateCustomerGateway {
  address: string;
  wireguardPublicKey?: string;
  asn?: number;
  name?: string;
  tags?: Tags;
}

@Injectable()
export class CreateCustomerGatewayService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly gateways: CustomerGatewayRepository,
    private readonly quotas: QuotaRepository,
    private readonly tags: TagRepository,
    private readonly changes: NetworkChanges,
  ) {}

  execute(ctx: OpContext, input: CreateCustomerGateway): Promise<Placed<CustomerGatewayEntity>> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'network:write');
      await this.quotas.lock(tx, ctx.tenantId);
      await this.quotas.require(tx, ctx.tenantId, 'customer-gateways', await this.gateways.count(tx, ctx.tenantId));
      const now = this.clock.now();
      const gateway = Object.assign(new CustomerGatewayEntity(), {
        tenantId: ctx.tenantId,
        id: newId('customerGateway', now.getTime()),
        name: input.name ?? null,
        address: input.address,
        wireguardPublicKey: input.wireguardPublicKey ?? null,
        asn: input.asn ?? null,
        deleting: false,
        version: 1,
        createdAt: now,
      });
      const tags = input.tags ?? {};
      await this.gateways.insert(tx, gateway);
      await this.tags.insert(tx, ctx.tenantId, gateway.id, tags);
      this.changes.recordUnplaced(tx, {
        action: 'customer-gateway.created',
        type: 'customer-gateway',
        id: gateway.id,
        version: 1,
        before: null,
        after: customerGatewayRecord(gateway, tags),
      });
      return placedNowhere(gateway, tags);
    });
  }
}
