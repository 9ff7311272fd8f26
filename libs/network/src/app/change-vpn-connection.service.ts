import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { ConflictError, type OpContext, requireMatch, type VpnConnectionId } from '#kernel';
import { TagRepository, type Tags } from '#tenancy';
import { requireRemotePrefixes } from '../domain/vpn-connection.js';
import { type LockedVpc, VpcRepository } from '../infra/vpc.repository.js';
import type { VpnConnectionEntity } from '../infra/vpn-connection.entity.js';
import { VpnConnectionRepository } from '../infra/vpn-connection.repository.js';
import { VpnRoutes } from '../infra/vpn-routes.js';
import { NetworkChanges } from './network-changes.js';
import { type PlacedVpnConnection, VpnConnectionPlacement } from './vpn-connection-placement.js';
import { vpnConnectionRecord } from './vpn-records.js';

export interface UpdateVpnConnection {
  name?: string | null;
  /** Replaces them all. */
  remotePrefixes?: string[];
  tags?: Tags;
}

/** Renames, tags, reroutes and deletes connections. Their ends and the block of the tunnel never change. */
@Injectable()
export class ChangeVpnConnectionService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly vpcs: VpcRepository,
    private readonly connections: VpnConnectionRepository,
    private readonly routes: VpnRoutes,
    private readonly tags: TagRepository,
    private readonly placement: VpnConnectionPlacement,
    private readonly changes: NetworkChanges,
  ) {}

  update(ctx: OpContext, id: VpnConnectionId, input: UpdateVpnConnection): Promise<PlacedVpnConnection> {
    return this.uow.run(ctx, async (tx) => {
      const { vpc, connection, before } = await this.open(tx, ctx, id);
      Object.assign(connection, {
        name: input.name === undefined ? connection.name : input.name,
        changedGeneration: vpc.generation,
        version: connection.version + 1,
      });
      await this.connections.save(tx, connection);
      if (input.remotePrefixes) {
        const routes = await this.routes.ofGateway(tx, ctx.tenantId, connection.vpnGatewayId);
        requireRemotePrefixes(input.remotePrefixes, vpc.cidrs, routes, id);
        await this.connections.replacePrefixes(tx, connection, input.remotePrefixes);
      }
      if (input.tags) await this.tags.replace(tx, ctx.tenantId, id, input.tags);
      const placed = await this.placement.one(tx, ctx, connection);
      this.changes.record(tx, vpc, {
        action: 'vpn-connection.updated',
        type: 'vpn-connection',
        id,
        version: connection.version,
        before,
        after: vpnConnectionRecord(placed),
      });
      return placed;
    });
  }

  /** Its prefixes are withdrawn at once; tunnel block and port stay taken until the data plane has let go of them. */
  delete(ctx: OpContext, id: VpnConnectionId): Promise<PlacedVpnConnection> {
    return this.uow.run(ctx, async (tx) => {
      const { vpc, connection, before } = await this.open(tx, ctx, id);
      Object.assign(connection, {
        deleting: true,
        changedGeneration: vpc.generation,
        version: connection.version + 1,
      });
      await this.connections.save(tx, connection);
      await this.connections.replacePrefixes(tx, connection, []);
      this.changes.record(tx, vpc, {
        action: 'vpn-connection.deleted',
        type: 'vpn-connection',
        id,
        version: connection.version,
        before,
        after: null,
      });
      return this.placement.one(tx, ctx, connection);
    });
  }

  private async open(tx: Tx, ctx: OpContext, id: VpnConnectionId): Promise<OpenConnection> {
    requirePermission(ctx, 'network:write');
    const { vpcId } = await this.connections.get(tx, ctx.tenantId, id);
    const vpc = await this.vpcs.lockForChange(tx, ctx, vpcId);
    const connection = await this.connections.get(tx, ctx.tenantId, id);
    if (connection.deleting) throw new ConflictError('Deleting', `VPN connection ${id} is being deleted.`);
    requireMatch(ctx, connection);
    const before = vpnConnectionRecord(await this.placement.one(tx, ctx, connection));
    return { vpc, connection, before };
  }
}

interface OpenConnection {
  vpc: LockedVpc;
  connection: VpnConnectionEntity;
  /** Its record as it was. */
  before: ReturnType<typeof vpnConnectionRecord>;
}
