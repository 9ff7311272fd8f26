import { AddressPoolController } from './api/address-pool.controller.js';
import { ElasticIpController } from './api/elastic-ip.controller.js';
import { InternetGatewayController } from './api/internet-gateway.controller.js';
import { NatGatewayController } from './api/nat-gateway.controller.js';
import { RouteController } from './api/route.controller.js';
import { RouteTableController } from './api/route-table.controller.js';
import { RouteTableAssociationController } from './api/route-table-association.controller.js';
import { VpcPartController } from './api/vpc-part.controller.js';
import { AddressPoolQueries } from './app/address-pool.queries.js';
import { AllocateElasticIpService } from './app/allocate-elastic-ip.service.js';
import { AssociateRouteTableService } from './app/associate-route-table.service.js';
import { AttachInternetGatewayService } from './app/attach-internet-gateway.service.js';
import { ChangeCidrBlocksService } from './app/change-cidr-blocks.service.js';
import { ChangeElasticIpService } from './app/change-elastic-ip.service.js';
import { ChangeInternetGatewayService } from './app/change-internet-gateway.service.js';
import { ChangeNatGatewayService } from './app/change-nat-gateway.service.js';
import { ChangeRouteTableService } from './app/change-route-table.service.js';
import { ChangeRoutesService } from './app/change-routes.service.js';
import { CreateInternetGatewayService } from './app/create-internet-gateway.service.js';
import { CreateNatGatewayService } from './app/create-nat-gateway.service.js';
import { CreateRouteTableService } from './app/create-route-table.service.js';
import { EffectiveRoutesQuery } from './app/effective-routes.query.js';
import { ElasticIpQueries } from './app/elastic-ip.queries.js';
import { InternetGatewayQueries } from './app/internet-gateway.queries.js';
import { ManageAddressPoolsService } from './app/manage-address-pools.service.js';
import { NatGatewayQueries } from './app/nat-gateway.queries.js';
import { PropagateRoutesService } from './app/propagate-routes.service.js';
import { RouteTableQueries } from './app/route-table.queries.js';
import { RouteTableAssociationQuery } from './app/route-table-association.query.js';
import { RouteTableDetails } from './app/route-table-details.js';
import { RouteTableEditor } from './app/route-table-editor.js';
import { SetMainRouteTableService } from './app/set-main-route-table.service.js';
import { AddressPoolEntity } from './infra/address-pool.entity.js';
import { AddressPoolRepository } from './infra/address-pool.repository.js';
import { ElasticIpEntity } from './infra/elastic-ip.entity.js';
import { ElasticIpRepository } from './infra/elastic-ip.repository.js';
import { InternetGatewayEntity } from './infra/internet-gateway.entity.js';
import { InternetGatewayRepository } from './infra/internet-gateway.repository.js';
import { NatGatewayEntity } from './infra/nat-gateway.entity.js';
import { NatGatewayRepository } from './infra/nat-gateway.repository.js';
import { PoolRangeRepository } from './infra/pool-range.repository.js';
import { RouteRepository } from './infra/route.repository.js';
import { RoutePropagationRepository } from './infra/route-propagation.repository.js';
import { RouteTableEntity } from './infra/route-table.entity.js';
import { RouteTableRepository } from './infra/route-table.repository.js';
import { RouteTableAssociationEntity } from './infra/route-table-association.entity.js';
import { RouteTableAssociationRepository } from './infra/route-table-association.repository.js';
import { RouteTargetRepository } from './infra/route-target.repository.js';
import { SubnetAddressRepository } from './infra/subnet-address.repository.js';
import { VpcSnapshotRepository } from './infra/vpc-snapshot.repository.js';

/** Routing of a VPC and its ways to the internet: the entities, controllers and providers that the API module takes in. */
export const routingEntities = [
  RouteTableEntity,
  RouteTableAssociationEntity,
  InternetGatewayEntity,
  NatGatewayEntity,
  ElasticIpEntity,
  AddressPoolEntity,
];

export const routingControllers = [
  VpcPartController,
  RouteTableController,
  RouteController,
  RouteTableAssociationController,
  InternetGatewayController,
  NatGatewayController,
  ElasticIpController,
  AddressPoolController,
];

export const routingProviders = [
  RouteTableRepository,
  RouteTableAssociationRepository,
  RouteRepository,
  RouteTargetRepository,
  RoutePropagationRepository,
  InternetGatewayRepository,
  NatGatewayRepository,
  ElasticIpRepository,
  AddressPoolRepository,
  PoolRangeRepository,
  SubnetAddressRepository,
  VpcSnapshotRepository,
  RouteTableDetails,
  RouteTableEditor,
  ChangeCidrBlocksService,
  SetMainRouteTableService,
  CreateRouteTableService,
  ChangeRouteTableService,
  ChangeRoutesService,
  AssociateRouteTableService,
  PropagateRoutesService,
  RouteTableQueries,
  RouteTableAssociationQuery,
  EffectiveRoutesQuery,
  CreateInternetGatewayService,
  AttachInternetGatewayService,
  ChangeInternetGatewayService,
  InternetGatewayQueries,
  CreateNatGatewayService,
  ChangeNatGatewayService,
  NatGatewayQueries,
  AllocateElasticIpService,
  ChangeElasticIpService,
  ElasticIpQueries,
  ManageAddressPoolsService,
  AddressPoolQueries,
];
