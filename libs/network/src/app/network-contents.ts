import { Injectable, type OnModuleInit } from '@nestjs/common';
import { TenantContents } from '#tenancy';
import { TenantNetworkRepository } from '../infra/tenant-network.repository.js';

/** Keeps a tenant from being deleted while it has anything of a network. */
@Injectable()
export class NetworkContents implements OnModuleInit {
  constructor(
    private readonly tenantContents: TenantContents,
    private readonly networks: TenantNetworkRepository,
  ) {}

  onModuleInit(): void {
    this.tenantContents.register((tx, tenantId) => this.networks.blockers(tx, tenantId));
  }
}
