import { Injectable } from '@nestjs/common';
import { allPages, type Tx } from '#database';
import type { OpContext } from '#kernel';
import { type LedgerStateSource, STATE_PAGE } from '#ledger';
import type { StateRecord } from '#proof';
import { TagRepository } from '#tenancy';
import { CustomerGatewayRepository } from '../infra/customer-gateway.repository.js';
import { GatewayHostRepository } from '../infra/gateway-host.repository.js';
import type { VpnConnectionEntity } from '../infra/vpn-connection.entity.js';
import { VpnConnectionRepository } from '../infra/vpn-connection.repository.js';
import { VpnEndpointRepository } from '../infra/vpn-endpoint.repository.js';
import { VpnGatewayRepository } from '../infra/vpn-gateway.repository.js';
import { EVERYTHING, taggedStates } from './network-state.source.js';
import { customerGatewayRecord, gatewayHostRecord, vpnConnectionRecord, vpnGatewayRecord } from './vpn-records.js';

/** Gateways and connections of VPN as the ledger tells them; for the operator, its hosts. */
@Injectable()
export class VpnStateSource implements LedgerStateSource {
  readonly types = ['vpn-gateway', 'customer-gateway', 'vpn-connection', 'gateway-host'];

  constructor(
    private readonly gateways: VpnGatewayRepository,
    private readonly customers: CustomerGatewayRepository,
    private readonly connections: VpnConnectionRepository,
    private readonly endpoints: VpnEndpointRepository,
    private readonly hosts: GatewayHostRepository,
    private readonly tags: TagRepository,
  ) {}

  async *read(tx: Tx, { tenantId }: OpContext): AsyncGenerator<StateRecord[]> {
    yield* taggedStates(tx, tenantId, this.tags, {
      type: 'vpn-gateway',
      list: (page) => this.gateways.list(tx, tenantId, page, EVERYTHING),
      recordOf: vpnGatewayRecord,
    });
    yield* taggedStates(tx, tenantId, this.tags, {
      type: 'customer-gateway',
      list: (page) => this.customers.list(tx, tenantId, page, []),
      recordOf: customerGatewayRecord,
    });
    for await (const page of allPages((at) => this.connections.list(tx, tenantId, at, EVERYTHING), STATE_PAGE)) {
      yield await this.connectionRecords(tx, tenantId, page);
    }
    for await (const page of allPages((at) => this.hosts.list(tx, tenantId, at), STATE_PAGE)) {
      yield page.map((host) => ({
        type: 'gateway-host',
        id: host.id,
        version: host.version,
        state: gatewayHostRecord(host),
      }));
    }
  }

  private async connectionRecords(
    tx: Tx,
    tenantId: OpContext['tenantId'],
    page: VpnConnectionEntity[],
  ): Promise<StateRecord[]> {
    const live = page.filter((connection) => !connection.deleting);
    const ids = live.map(({ id }) => id);
    const prefixes = await this.connections.prefixesOf(tx, tenantId, ids);
    const endpoints = await this.endpoints.of(tx, ids);
    const tags = await this.tags.of(tx, tenantId, ids);
    return live.map((resource) => {
      const { id, version } = resource;
      const endpoint = endpoints.get(id) ?? null;
      const parts = { resource, endpoint, remotePrefixes: prefixes.get(id) ?? [], tags: tags.get(id) ?? {} };
      return { type: 'vpn-connection', id, version, state: vpnConnectionRecord(parts) };
    });
  }
}
