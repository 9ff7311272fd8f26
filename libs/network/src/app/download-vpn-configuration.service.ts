import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { type Tx, UnitOfWork } from '#database';
import { ConflictError, type OpContext, requireMatch, type VpnConnectionId } from '#kernel';
import { LedgerWriter } from '#ledger';
import { tunnelEnds } from '../domain/vpn-connection.js';
import { renderWgQuick } from '../domain/vpn-customer-configuration.js';
import { CustomerGatewayRepository } from '../infra/customer-gateway.repository.js';
import { VpcRepository } from '../infra/vpc.repository.js';
import type { VpnConnectionEntity } from '../infra/vpn-connection.entity.js';
import { VpnConnectionRepository } from '../infra/vpn-connection.repository.js';
import { VpnEndpointRepository } from '../infra/vpn-endpoint.repository.js';
import { VpnPresharedKeys } from './vpn-preshared-keys.js';

/** Forms in which a customer's gateway can be configured. */
export const CONFIGURATION_FORMATS = ['wg-quick'] as const;
export type ConfigurationFormat = (typeof CONFIGURATION_FORMATS)[number];

export interface DownloadedConfiguration {
  connection: VpnConnectionEntity;
  format: ConfigurationFormat;
  /** The file's text, with the pre-shared key, except in a dry run. */
  configuration: string;
}

/**
 * Shows the configuration of the customer's end, the only place where the pre-shared key leaves. Who took it, and when, is
 * an entry in the tenant's ledger; therefore a dry run, which writes no entry, shows no key.
 */
@Injectable()
export class DownloadVpnConfigurationService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly vpcs: VpcRepository,
    private readonly customers: CustomerGatewayRepository,
    private readonly connections: VpnConnectionRepository,
    private readonly endpoints: VpnEndpointRepository,
    private readonly keys: VpnPresharedKeys,
    private readonly ledger: LedgerWriter,
  ) {}

  /** @throws NotFoundError; KekUnavailableError, SealBrokenError: then nothing is recorded either */
  execute(ctx: OpContext, id: VpnConnectionId, format: ConfigurationFormat): Promise<DownloadedConfiguration> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'network:write');
      const connection = await this.connections.get(tx, ctx.tenantId, id);
      if (connection.deleting) throw new ConflictError('Deleting', `VPN connection ${id} is being deleted.`);
      requireMatch(ctx, connection);
      const configuration = await this.render(tx, ctx, connection);
      this.ledger.append(tx, {
        class: 'audit',
        action: 'vpn-connection.configuration-downloaded',
        resource: { type: 'vpn-connection', id, version: connection.version },
        scopeId: connection.vpcId,
        before: null,
        after: { format },
      });
      return { connection, format, configuration };
    });
  }

  private async render(tx: Tx, ctx: OpContext, connection: VpnConnectionEntity): Promise<string> {
    const { tenantId, id, vpcId } = connection;
    const customer = await this.customers.get(tx, tenantId, connection.customerGatewayId);
    const endpoint = (await this.endpoints.of(tx, [id])).get(id);
    if (!endpoint || customer.wireguardPublicKey === null)
      throw new Error(`${id} lacks an end, which its creation gave it`);
    const blocks = (await this.vpcs.blocksOf(tx, tenantId, [vpcId])).get(vpcId) ?? [];
    const sealed = await this.connections.sealedPresharedKey(tx, tenantId, id);
    return renderWgQuick({
      connection,
      customerPublicKey: customer.wireguardPublicKey,
      customerInsideAddress: tunnelEnds(connection.tunnelBlock).customerInsideAddress,
      tunnelBlock: connection.tunnelBlock,
      gatewayPublicKey: endpoint.publicKey,
      gatewayEndpoint: endpoint,
      presharedKey: ctx.dryRun ? null : await this.keys.reveal(tenantId, id, sealed),
      vpcCidrs: blocks.filter((block) => !block.deleting).map((block) => block.cidr),
    });
  }
}
