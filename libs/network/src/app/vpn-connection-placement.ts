import { Injectable } from '@nestjs/common';
import type { Tx } from '#database';
import type { OpContext } from '#kernel';
import type { VpnConnectionEntity } from '../infra/vpn-connection.entity.js';
import { VpnConnectionRepository } from '../infra/vpn-connection.repository.js';
import { type VpnEndpoint, VpnEndpointRepository } from '../infra/vpn-endpoint.repository.js';
import type { Placed } from './placed.js';
import { Placement } from './placement.js';

export interface PlacedVpnConnection extends Placed<VpnConnectionEntity> {
  /** In the order of the addresses; withdrawn as soon as the connection is being deleted. */
  remotePrefixes: string[];
  endpoint: VpnEndpoint;
}

/** Adds to connections what their replies need. */
@Injectable()
export class VpnConnectionPlacement {
  constructor(
    private readonly connections: VpnConnectionRepository,
    private readonly endpoints: VpnEndpointRepository,
    private readonly placement: Placement,
  ) {}

  async all(tx: Tx, ctx: OpContext, connections: VpnConnectionEntity[]): Promise<PlacedVpnConnection[]> {
    const ids = connections.map(({ id }) => id);
    const prefixes = await this.connections.prefixesOf(tx, ctx.tenantId, ids);
    const endpoints = await this.endpoints.of(tx, ids);
    const placed = await this.placement.all(tx, ctx, connections);
    return placed.map((one) => {
      const { id } = one.resource;
      const endpoint = endpoints.get(id);
      if (!endpoint) throw new Error(`${id} is on no gateway host, which its creation put it on`);
      return { ...one, remotePrefixes: prefixes.get(id) ?? [], endpoint };
    });
  }

  async one(tx: Tx, ctx: OpContext, connection: VpnConnectionEntity): Promise<PlacedVpnConnection> {
    const [placed] = await this.all(tx, ctx, [connection]);
    return placed as PlacedVpnConnection;
  }
}
