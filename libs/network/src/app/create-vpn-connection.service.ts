import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import {
  Clock,
  ConflictError,
  type CustomerGatewayId,
  newId,
  type OpContext,
  type VpnConnectionId,
  type VpnGatewayId,
} from '#kernel';
import { QuotaRepository, TagRepository, type Tags } from '#tenancy';
import { CustomerGatewayHasNoKeyError, VpnGatewayNotAttachedError } from '../domain/vpn.errors.js';
import { chooseTunnelBlock, requireRemotePrefixes } from '../domain/vpn-connection.js';
import { CustomerGatewayRepository } from '../infra/customer-gateway.repository.js';
import { type LockedVpc, VpcRepository } from '../infra/vpc.repository.js';
import { VpnConnectionEntity } from '../infra/vpn-connection.entity.js';
import { VpnConnectionRepository } from '../infra/vpn-connection.repository.js';
import { VpnEndpointRepository } from '../infra/vpn-endpoint.repository.js';
import { VpnGatewayRepository } from '../infra/vpn-gateway.repository.js';
import { VpnRoutes } from '../infra/vpn-routes.js';
import { NetworkChanges } from './network-changes.js';
import { type PlacedVpnConnection, VpnConnectionPlacement } from './vpn-connection-placement.js';
import { VpnPresharedKeys } from './vpn-preshared-keys.js';
import { vpnConnectionRecord } from './vpn-records.js';

export interface CreateVpnConnection {
  vpnGatewayId: VpnGatewayId;
  customerGatewayId: CustomerGatewayId;
  /** Static routes to what lies behind the customer's gateway. */
  remotePrefixes: string[];
  tunnelBlock?: string;
  name?: string;
  tags?: Tags;
}

/**
 * Connects a VPC with a customer's gateway. The VPC's row is locked first, so that blocks of tunnels and prefixes are chosen
 * one after another; the operator's hosts come last, because all tenants wait for each other there.
 */
@Injectable()
export class CreateVpnConnectionService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly vpcs: VpcRepository,
    private readonly gateways: VpnGatewayRepository,
    private readonly customers: CustomerGatewayRepository,
    private readonly connections: VpnConnectionRepository,
    private readonly routes: VpnRoutes,
    private readonly endpoints: VpnEndpointRepository,
    private readonly keys: VpnPresharedKeys,
    private readonly quotas: QuotaRepository,
    private readonly tags: TagRepository,
    private readonly placement: VpnConnectionPlacement,
    private readonly changes: NetworkChanges,
  ) {}

  /** @throws VpnGatewayNotAttachedError, CustomerGatewayHasNoKeyError, TunnelBlockTakenError, RemotePrefixTakenError, NoGatewayHostError */
  async execute(ctx: OpContext, input: CreateVpnConnection): Promise<PlacedVpnConnection> {
    requirePermission(ctx, 'network:write');
    const id = newId('vpnConnection', this.clock.now().getTime());
    // Outside the transaction: an external key-encryption key may take its time, and nobody should wait for it under a lock.
    const sealedKey = await this.keys.create(ctx.tenantId, id);
    return this.uow.run(ctx, async (tx) => {
      const vpc = await this.lockVpc(tx, ctx, input.vpnGatewayId);
      await this.requireCustomer(tx, ctx, input.customerGatewayId);
      const routes = await this.routes.ofGateway(tx, ctx.tenantId, input.vpnGatewayId);
      requireRemotePrefixes(input.remotePrefixes, vpc.cidrs, routes);
      const taken = await this.connections.tunnelBlocksOf(tx, ctx.tenantId, input.vpnGatewayId);
      await this.quotas.require(tx, ctx.tenantId, 'vpn-connections-per-gateway', taken.length);
      const connection = this.plan(vpc, id, input, chooseTunnelBlock(input.tunnelBlock, taken));
      const tags = input.tags ?? {};
      await this.connections.insert(tx, connection, sealedKey);
      await this.connections.replacePrefixes(tx, connection, input.remotePrefixes);
      await this.tags.insert(tx, ctx.tenantId, id, tags);
      await this.endpoints.assign(tx, id);
      const placed = await this.placement.one(tx, ctx, connection);
      this.changes.record(tx, vpc, {
        action: 'vpn-connection.created',
        type: 'vpn-connection',
        id,
        version: 1,
        before: null,
        after: vpnConnectionRecord(placed),
      });
      return placed;
    });
  }

  /** The VPC that the gateway is attached to: looked up, locked, and looked up again under the lock. */
  private async lockVpc(tx: Tx, ctx: OpContext, id: VpnGatewayId): Promise<LockedVpc> {
    const vpcIdOf = async () => {
      const gateway = await this.gateways.get(tx, ctx.tenantId, id, '/vpnGatewayId');
      if (gateway.vpcId === null || gateway.detaching) throw new VpnGatewayNotAttachedError(id);
      return gateway.vpcId;
    };
    const vpc = await this.vpcs.lockForChange(tx, ctx, await vpcIdOf());
    if ((await vpcIdOf()) !== vpc.id) throw new VpnGatewayNotAttachedError(id);
    return vpc;
  }

  private async requireCustomer(tx: Tx, ctx: OpContext, id: CustomerGatewayId): Promise<void> {
    const customer = await this.customers.reference(tx, ctx.tenantId, id, '/customerGatewayId');
    if (customer.deleting) throw new ConflictError('Deleting', `customer gateway ${id} is being deleted.`);
    if (customer.wireguardPublicKey === null) throw new CustomerGatewayHasNoKeyError(id);
  }

  private plan(
    vpc: LockedVpc,
    id: VpnConnectionId,
    input: CreateVpnConnection,
    tunnelBlock: string,
  ): VpnConnectionEntity {
    return Object.assign(new VpnConnectionEntity(), {
      tenantId: vpc.tenantId,
      id,
      vpcId: vpc.id,
      vpnGatewayId: input.vpnGatewayId,
      customerGatewayId: input.customerGatewayId,
      name: input.name ?? null,
      tunnelBlock,
      changedGeneration: vpc.generation,
      deleting: false,
      version: 1,
      createdAt: this.clock.now(),
    });
  }
}
