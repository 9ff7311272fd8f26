import { Injectable } from '@nestjs/common';
import { allPages, type Page, type PageRequest, type Tx } from '#database';
import type { JsonValue, OpContext, TenantId } from '#kernel';
import { type LedgerStateSource, STATE_PAGE } from '#ledger';
import type { StateRecord } from '#proof';
import { TagRepository, type Tags } from '#tenancy';
import { AddressPoolRepository } from '../infra/address-pool.repository.js';
import { ElasticIpRepository } from '../infra/elastic-ip.repository.js';
import { InternetGatewayRepository } from '../infra/internet-gateway.repository.js';
import { NatGatewayRepository } from '../infra/nat-gateway.repository.js';
import { RouteStateRepository } from '../infra/route-state.repository.js';
import { RouteTableRepository } from '../infra/route-table.repository.js';
import { SubnetRepository } from '../infra/subnet.repository.js';
import type { VpcEntity } from '../infra/vpc.entity.js';
import { VpcRepository } from '../infra/vpc.repository.js';
import {
  addressPoolRecord,
  associationRecord,
  elasticIpRecord,
  internetGatewayRecord,
  natGatewayRecord,
  propagationRecord,
  routeRecord,
  routeTableRecord,
  subnetRecord,
  vpcRecord,
} from './network-records.js';

/** What every list of the network takes, and here does not narrow. */
export const EVERYTHING = { tag: [] };

type Listed = { id: string; version: number; deleting?: boolean };

/**
 * The network as the ledger tells it. Nothing here relies on what foreign keys promise: a row whose neighbour is gone is
 * exactly what an audit looks for, and must not keep it from its answer.
 */
@Injectable()
export class NetworkStateSource implements LedgerStateSource {
  readonly types = [
    'vpc',
    'subnet',
    'route-table',
    'route',
    'route-propagation',
    'route-table-association',
    'internet-gateway',
    'nat-gateway',
    'elastic-ip',
    'address-pool',
  ];

  constructor(
    private readonly vpcs: VpcRepository,
    private readonly subnets: SubnetRepository,
    private readonly routeTables: RouteTableRepository,
    private readonly routes: RouteStateRepository,
    private readonly internetGateways: InternetGatewayRepository,
    private readonly natGateways: NatGatewayRepository,
    private readonly elasticIps: ElasticIpRepository,
    private readonly pools: AddressPoolRepository,
    private readonly tags: TagRepository,
  ) {}

  async *read(tx: Tx, { tenantId }: OpContext): AsyncGenerator<StateRecord[]> {
    for await (const page of allPages((at) => this.vpcs.list(tx, tenantId, at, []), STATE_PAGE)) {
      yield await this.vpcRecords(tx, tenantId, page);
    }
    const listed = <T extends Listed>(
      type: string,
      list: (page: PageRequest) => Promise<Page<T>>,
      recordOf: (resource: T, tags: Tags) => JsonValue,
    ) => taggedStates(tx, tenantId, this.tags, { type, list, recordOf });
    yield* listed('subnet', (page) => this.subnets.list(tx, tenantId, page, EVERYTHING), subnetRecord);
    yield* this.tables(tx, tenantId);
    yield* listed(
      'internet-gateway',
      (page) => this.internetGateways.list(tx, tenantId, page, EVERYTHING),
      internetGatewayRecord,
    );
    yield* listed('nat-gateway', (page) => this.natGateways.list(tx, tenantId, page, EVERYTHING), natGatewayRecord);
    yield* listed('elastic-ip', (page) => this.elasticIps.list(tx, tenantId, page, EVERYTHING), elasticIpRecord);
    yield* listed('address-pool', (page) => this.pools.list(tx, tenantId, page), addressPoolRecord);
  }

  private async vpcRecords(tx: Tx, tenantId: TenantId, page: VpcEntity[]): Promise<StateRecord[]> {
    const live = page.filter((vpc) => !vpc.deleting);
    const ids = live.map(({ id }) => id);
    const blocks = await this.vpcs.blocksOf(tx, tenantId, ids);
    const mains = await this.routeTables.mainOf(tx, tenantId, ids);
    const tags = await this.tags.of(tx, tenantId, ids);
    return live.map((vpc) => {
      const mainRouteTableId = mains.get(vpc.id)?.id ?? null;
      const parts = { vpc, blocks: blocks.get(vpc.id) ?? [], mainRouteTableId, tags: tags.get(vpc.id) ?? {} };
      return { type: 'vpc', id: vpc.id, version: vpc.version, state: vpcRecord(parts) };
    });
  }

  /** Tables, and what is in them. Those of a VPC that goes have gone with it. */
  private async *tables(tx: Tx, tenantId: TenantId): AsyncGenerator<StateRecord[]> {
    const pages = allPages((at) => this.routeTables.list(tx, tenantId, at, EVERYTHING), STATE_PAGE);
    for await (const page of pages) {
      const vpcs = await this.vpcs.byIds(tx, tenantId, [...new Set(page.map(({ vpcId }) => vpcId))]);
      const live = page.filter((table) => !table.deleting && !vpcs.get(table.vpcId)?.deleting);
      const ids = live.map(({ id }) => id);
      const tags = await this.tags.of(tx, tenantId, ids);
      yield live.map((table) => {
        const state = routeTableRecord(table, tags.get(table.id) ?? {});
        return { type: 'route-table', id: table.id, version: table.version, state };
      });
    }
    for await (const page of this.routes.routes(tx, tenantId, STATE_PAGE)) {
      yield page.map(({ routeTableId, destination, target }) => ({
        type: 'route',
        id: `${routeTableId}/${destination}`,
        version: null,
        state: routeRecord(routeTableId, destination, target),
      }));
    }
    for await (const page of this.routes.propagations(tx, tenantId, STATE_PAGE)) {
      yield page.map(({ routeTableId, vpnGatewayId }) => ({
        type: 'route-propagation',
        id: `${routeTableId}/${vpnGatewayId}`,
        version: null,
        state: propagationRecord(true),
      }));
    }
    for await (const page of allPages((at) => this.routes.associations(tx, tenantId, at), STATE_PAGE)) {
      yield page.map((association) => ({
        type: 'route-table-association',
        id: association.id,
        version: association.version,
        state: associationRecord(association),
      }));
    }
  }
}

/** Resources of one kind that are not going, page by page, with their tags. */
export async function* taggedStates<T extends Listed>(
  tx: Tx,
  tenantId: TenantId,
  tagRepository: TagRepository,
  kind: {
    type: string;
    list: (page: PageRequest) => Promise<Page<T>>;
    recordOf: (resource: T, tags: Tags) => JsonValue;
  },
): AsyncGenerator<StateRecord[]> {
  for await (const page of allPages(kind.list, STATE_PAGE)) {
    const live = page.filter((resource) => !resource.deleting);
    const tags = await tagRepository.of(
      tx,
      tenantId,
      live.map(({ id }) => id),
    );
    yield live.map((resource) => ({
      type: kind.type,
      id: resource.id,
      version: resource.version,
      state: kind.recordOf(resource, tags.get(resource.id) ?? {}),
    }));
  }
}
