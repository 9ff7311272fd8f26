import { type DynamicModule, Module, type OnModuleInit } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { LedgerHistoryModule, LedgerStateSources } from '#ledger';
import { TenantSharedModule } from '#tenancy';
import { SubnetController } from './api/subnet.controller.js';
import { VpcController } from './api/vpc.controller.js';
import { ChangeSubnetService } from './app/change-subnet.service.js';
import { ChangeVpcService } from './app/change-vpc.service.js';
import { CreateSubnetService } from './app/create-subnet.service.js';
import { CreateVpcService } from './app/create-vpc.service.js';
import { NetworkChanges } from './app/network-changes.js';
import { NetworkContents } from './app/network-contents.js';
import { NetworkStateSource } from './app/network-state.source.js';
import { Placement } from './app/placement.js';
import { SubnetQueries } from './app/subnet.queries.js';
import { VpcQueries } from './app/vpc.queries.js';
import { VpcEditor } from './app/vpc-editor.js';
import { VpcHistoryQuery } from './app/vpc-history.query.js';
import { VpnStateSource } from './app/vpn-state.source.js';
import { Zones } from './app/zones.js';
import { CidrBlockEntity } from './infra/cidr-block.entity.js';
import { RouteStateRepository } from './infra/route-state.repository.js';
import { SubnetEntity } from './infra/subnet.entity.js';
import { SubnetRepository } from './infra/subnet.repository.js';
import { SubnetContents } from './infra/subnet-contents.js';
import { TenantNetworkRepository } from './infra/tenant-network.repository.js';
import { VpcEntity } from './infra/vpc.entity.js';
import { VpcRepository } from './infra/vpc.repository.js';
import { VpcContents } from './infra/vpc-contents.js';
import { routingControllers, routingEntities, routingProviders } from './routing.providers.js';
import { vpnControllers, vpnEntities, vpnProviders } from './vpn.providers.js';

export interface NetworkModuleOptions {
  zones: readonly string[];
}

/** VPCs and what is in them, over HTTP: for the API process. */
@Module({})
export class NetworkApiModule implements OnModuleInit {
  constructor(
    private readonly states: LedgerStateSources,
    private readonly network: NetworkStateSource,
    private readonly vpn: VpnStateSource,
  ) {}

  onModuleInit(): void {
    this.states.register(this.network, this.vpn);
  }

  static forRoot(options: NetworkModuleOptions): DynamicModule {
    return {
      module: NetworkApiModule,
      imports: [
        TypeOrmModule.forFeature([VpcEntity, CidrBlockEntity, SubnetEntity, ...routingEntities, ...vpnEntities]),
        TenantSharedModule,
        LedgerHistoryModule,
      ],
      controllers: [VpcController, SubnetController, ...routingControllers, ...vpnControllers],
      providers: [
        { provide: Zones, useValue: new Zones(options.zones) },
        VpcRepository,
        SubnetRepository,
        VpcContents,
        SubnetContents,
        NetworkChanges,
        TenantNetworkRepository,
        NetworkContents,
        VpcEditor,
        Placement,
        CreateVpcService,
        ChangeVpcService,
        VpcQueries,
        VpcHistoryQuery,
        CreateSubnetService,
        ChangeSubnetService,
        SubnetQueries,
        RouteStateRepository,
        NetworkStateSource,
        VpnStateSource,
        ...routingProviders,
        ...vpnProviders,
      ],
    };
  }
}
