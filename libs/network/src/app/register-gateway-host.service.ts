import { Injectable } from '@nestjs/common';
import { requirePermission } from '#auth';
import { UnitOfWork } from '#database';
import { Clock, newId, type OpContext } from '#kernel';
import { LedgerWriter } from '#ledger';
import { foldName } from '#tenancy';
import type { GatewayHostEndpoint } from '../domain/gateway-host-endpoint.js';
import { GatewayHostEntity } from '../infra/gateway-host.entity.js';
import { GatewayHostRepository } from '../infra/gateway-host.repository.js';
import { gatewayHostRecord } from './vpn-records.js';

/** What `freehold agent init` says of its host. The private key stays there. */
export interface GatewayHostDescription {
  name: string;
  wireguardPublicKey: string;
  /** Where customers reach it, and the first of its UDP ports. */
  endpoint: GatewayHostEndpoint;
}

/** A host with how many connections end on it. */
export interface GatewayHostInUse {
  host: GatewayHostEntity;
  connections: number;
}

@Injectable()
export class RegisterGatewayHostService {
  constructor(
    private readonly uow: UnitOfWork,
    private readonly clock: Clock,
    private readonly hosts: GatewayHostRepository,
    private readonly ledger: LedgerWriter,
  ) {}

  /** @throws ConflictError when another host has the name, the key or some of the ports */
  execute(ctx: OpContext, input: GatewayHostDescription): Promise<GatewayHostInUse> {
    return this.uow.run(ctx, async (tx) => {
      requirePermission(ctx, 'system:gateway-host:write');
      const now = this.clock.now();
      const host = Object.assign(new GatewayHostEntity(), {
        tenantId: ctx.tenantId,
        id: newId('gatewayHost', now.getTime()),
        name: input.name,
        nameFolded: foldName(input.name),
        wireguardPublicKey: input.wireguardPublicKey,
        endpointHost: input.endpoint.host,
        firstPort: input.endpoint.port,
        version: 1,
        createdAt: now,
      });
      await this.hosts.insert(tx, host);
      this.ledger.append(tx, {
        class: 'system',
        action: 'gateway-host.registered',
        resource: { type: 'gateway-host', id: host.id, version: 1 },
        before: null,
        after: gatewayHostRecord(host),
      });
      return { host, connections: 0 };
    });
  }
}
