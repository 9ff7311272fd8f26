import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import {
  type Blocker,
  ConflictError,
  DependencyViolationError,
  type GatewayHostId,
  type JsonValue,
  type OpContext,
  requireMatch,
  type VpnConnectionId,
} from '#kernel';
import { LedgerWriter } from '#ledger';
import { foldName } from '#tenancy';
import type { GatewayHostEntity } from '../infra/gateway-host.entity.js';
import { GatewayHostRepository, type HostedConnection } from '../infra/gateway-host.repository.js';
import { type VpnEndpoint, VpnEndpointRepository } from '../infra/vpn-endpoint.repository.js';
import type { GatewayHostDescription, GatewayHostInUse } from './register-gateway-host.service.js';
import { endpointRecord, gatewayHostRecord } from './vpn-records.js';

/** Changes and deletes gateway hosts. No connection is put on any host while one is being changed. */
@Injectable()
export class ChangeGatewayHostService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly hosts: GatewayHostRepository,
    private readonly endpoints: VpnEndpointRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  /**
   * Replaces the description: how a key is rotated and a host moves to another address. Every customer needs the new
   * configuration then. The first port stays while connections listen on those that follow it.
   * @throws ConflictError
   */
  replace(ctx: OpContext, id: GatewayHostId, input: GatewayHostDescription): Promise<GatewayHostInUse> {
    return this.uow.run(ctx, async (tx) => {
      const host = await this.open(tx, ctx, id);
      const connections = await this.hosts.connectionsOn(tx, [id]);
      if (connections.length > 0 && input.endpoint.port !== host.firstPort) throw portsInUse(host, connections.length);
      const before = gatewayHostRecord(host);
      const ends = await this.endsOf(tx, connections);
      Object.assign(host, {
        name: input.name,
        nameFolded: foldName(input.name),
        wireguardPublicKey: input.wireguardPublicKey,
        endpointHost: input.endpoint.host,
        firstPort: input.endpoint.port,
        version: host.version + 1,
      });
      await this.hosts.save(tx, host);
      this.record(tx, host, 'gateway-host.updated', before, gatewayHostRecord(host));
      const moved = await this.endsOf(tx, connections);
      for (const connection of connections) this.recordMove(tx, connection, ends, moved);
      return { host, connections: connections.length };
    });
  }

  /** @throws DependencyViolationError naming the connections, also those that are being deleted, and whose they are */
  delete(ctx: OpContext, id: GatewayHostId): Promise<GatewayHostInUse> {
    return this.uow.run(ctx, async (tx) => {
      const host = await this.open(tx, ctx, id);
      const connections = await this.hosts.connectionsOn(tx, [id]);
      if (connections.length > 0) throw new DependencyViolationError('gateway host', id, connections.map(blockerOf));
      const before = gatewayHostRecord(host);
      Object.assign(host, { version: host.version + 1 });
      await this.hosts.delete(tx, host);
      this.record(tx, host, 'gateway-host.deleted', before, null);
      return { host, connections: 0 };
    });
  }

  private async endsOf(tx: Tx, connections: readonly HostedConnection[]): Promise<Map<VpnConnectionId, VpnEndpoint>> {
    const ends = new Map<VpnConnectionId, VpnEndpoint>();
    for (const tenantId of new Set(connections.map((connection) => connection.tenantId))) {
      const own = connections.filter((connection) => connection.tenantId === tenantId);
      const ids = own.map(({ vpnConnectionId }) => vpnConnectionId);
      const found = await tx.asTenant(tenantId, () => this.endpoints.of(tx, ids));
      for (const [id, end] of found) ends.set(id, end);
    }
    return ends;
  }

  /** In the chain of the tenant whose tunnel now ends elsewhere. The connection's own version is its tenant's to raise. */
  private recordMove(
    tx: Tx,
    { tenantId, vpnConnectionId: id }: HostedConnection,
    ends: ReadonlyMap<VpnConnectionId, VpnEndpoint>,
    moved: ReadonlyMap<VpnConnectionId, VpnEndpoint>,
  ): void {
    const before = endpointRecord(ends.get(id) ?? null);
    const after = endpointRecord(moved.get(id) ?? null);
    if (before.gatewayEndpoint === after.gatewayEndpoint) return;
    const resource = { type: 'vpn-connection', id, version: null };
    this.ledger.append(tx, {
      tenantId,
      class: 'system',
      action: 'vpn-connection.endpoint-moved',
      resource,
      scopeId: moved.get(id)?.vpcId,
      before,
      after,
    });
  }

  private async open(tx: Tx, ctx: OpContext, id: GatewayHostId): Promise<GatewayHostEntity> {
    requirePermission(ctx, 'system:gateway-host:write');
    const host = await this.hosts.lock(tx, ctx.tenantId, id);
    requireMatch(ctx, host);
    return host;
  }

  private record(tx: Tx, host: GatewayHostEntity, action: string, before: JsonValue, after: JsonValue): void {
    const resource = { type: 'gateway-host', id: host.id, version: host.version };
    this.ledger.append(tx, { class: 'system', action, resource, before, after });
  }
}

function portsInUse(host: GatewayHostEntity, connections: number): ConflictError {
  const message = `${connections} connection(s) listen on ports from ${host.firstPort} on`;
  return new ConflictError('GatewayHostInUse', `The first port of ${host.id} cannot change: ${message}.`, {
    errors: [
      {
        pointer: '/endpoint',
        rule: 'gateway-host.first-port-stays',
        message,
        fix: `keep the port ${host.firstPort}, or delete those connections first`,
      },
    ],
  });
}

function blockerOf({ tenantId, vpnConnectionId }: HostedConnection): Blocker {
  return {
    id: vpnConnectionId,
    kind: 'vpn-connection',
    fix: `tenant ${tenantId} must delete it: DELETE /v1/vpn-connections/${vpnConnectionId}`,
  };
}
