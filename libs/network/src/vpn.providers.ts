import { CustomerGatewayController } from './api/customer-gateway.controller.js';
import { GatewayHostController } from './api/gateway-host.controller.js';
import { VpnConnectionController } from './api/vpn-connection.controller.js';
import { VpnGatewayController } from './api/vpn-gateway.controller.js';
import { AttachVpnGatewayService } from './app/attach-vpn-gateway.service.js';
import { ChangeCustomerGatewayService } from './app/change-customer-gateway.service.js';
import { ChangeGatewayHostService } from './app/change-gateway-host.service.js';
import { ChangeVpnConnectionService } from './app/change-vpn-connection.service.js';
import { ChangeVpnGatewayService } from './app/change-vpn-gateway.service.js';
import { CreateCustomerGatewayService } from './app/create-customer-gateway.service.js';
import { CreateVpnConnectionService } from './app/create-vpn-connection.service.js';
import { CreateVpnGatewayService } from './app/create-vpn-gateway.service.js';
import { CustomerGatewayQueries } from './app/customer-gateway.queries.js';
import { DownloadVpnConfigurationService } from './app/download-vpn-configuration.service.js';
import { GatewayHostQueries } from './app/gateway-host.queries.js';
import { RegisterGatewayHostService } from './app/register-gateway-host.service.js';
import { VpnConnectionQueries } from './app/vpn-connection.queries.js';
import { VpnConnectionPlacement } from './app/vpn-connection-placement.js';
import { VpnGatewayQueries } from './app/vpn-gateway.queries.js';
import { VpnPresharedKeys } from './app/vpn-preshared-keys.js';
import { CustomerGatewayEntity } from './infra/customer-gateway.entity.js';
import { CustomerGatewayRepository } from './infra/customer-gateway.repository.js';
import { GatewayHostEntity } from './infra/gateway-host.entity.js';
import { GatewayHostRepository } from './infra/gateway-host.repository.js';
import { VpnConnectionEntity } from './infra/vpn-connection.entity.js';
import { VpnConnectionRepository } from './infra/vpn-connection.repository.js';
import { VpnContents } from './infra/vpn-contents.js';
import { VpnEndpointRepository } from './infra/vpn-endpoint.repository.js';
import { VpnGatewayEntity } from './infra/vpn-gateway.entity.js';
import { VpnGatewayRepository } from './infra/vpn-gateway.repository.js';
import { VpnRoutes } from './infra/vpn-routes.js';

/** What of VPN the network module is made of. */
export const vpnEntities = [VpnGatewayEntity, CustomerGatewayEntity, VpnConnectionEntity, GatewayHostEntity];

export const vpnControllers = [
  VpnGatewayController,
  CustomerGatewayController,
  VpnConnectionController,
  GatewayHostController,
];

export const vpnProviders = [
  VpnGatewayRepository,
  CustomerGatewayRepository,
  VpnConnectionRepository,
  VpnEndpointRepository,
  GatewayHostRepository,
  VpnRoutes,
  VpnContents,
  VpnPresharedKeys,
  VpnConnectionPlacement,
  CreateVpnGatewayService,
  ChangeVpnGatewayService,
  AttachVpnGatewayService,
  VpnGatewayQueries,
  CreateCustomerGatewayService,
  ChangeCustomerGatewayService,
  CustomerGatewayQueries,
  CreateVpnConnectionService,
  ChangeVpnConnectionService,
  DownloadVpnConfigurationService,
  VpnConnectionQueries,
  RegisterGatewayHostService,
  ChangeGatewayHostService,
  GatewayHostQueries,
];
