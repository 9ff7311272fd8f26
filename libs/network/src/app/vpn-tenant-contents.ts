import { Injectable, type OnModuleInit } from '@nestjs/common';
import { TenantContents } from '#tenancy';
import { VpnContents } from '../infra/vpn-contents.js';

/** Tells tenancy what of VPN keeps a tenant from being deleted. */
@Injectable()
export class VpnTenantContents implements OnModuleInit {
  constructor(
    private readonly tenantContents: TenantContents,
    private readonly contents: VpnContents,
  ) {}

  onModuleInit(): void {
    this.tenantContents.register((tx, tenantId) => this.contents.ofTenant(tx, tenantId));
  }
}
