import type { ApiClient } from '../connection/api-client.js';
import type { Row } from '../output/printer.js';
import type { RouteTableScenario, VpcScenario, VpnScenario } from './scenario.js';

/** What was made of a scenario's VPC: ids, and the addresses that were chosen. */
export interface BuiltVpc {
  scenario: VpcScenario;
  id: string;
  natGateways: Map<string, { id: string; publicAddress: string }>;
  /** How many resources were made, the VPC among them. */
  resources: number;
  /** Of the last change. */
  ledgerEntryId: string;
}

/** Builds one VPC, in the order in which its parts need each other. */
export async function buildVpc(api: ApiClient, scenario: VpcScenario, customerKey: string | null): Promise<BuiltVpc> {
  return new VpcBuilder(api, scenario, customerKey).build();
}

class VpcBuilder {
  private resources = 0;
  private ledgerEntryId = '';
  private vpcId = '';
  private internetGatewayId: string | null = null;
  private vpnGatewayId: string | null = null;
  private readonly subnets = new Map<string, string>();
  private readonly natGateways: BuiltVpc['natGateways'] = new Map();

  constructor(
    private readonly api: ApiClient,
    private readonly scenario: VpcScenario,
    private readonly customerKey: string | null,
  ) {}

  async build(): Promise<BuiltVpc> {
    const { scenario } = this;
    const { name, cidrBlock, tags } = scenario;
    this.vpcId = await this.create('/v1/vpcs', { name, cidrBlock, tags });
    for (const { name, cidrBlock, zone } of scenario.subnets) {
      const subnet = { vpcId: this.vpcId, name, cidrBlock, zone };
      this.subnets.set(name, await this.create('/v1/subnets', subnet));
    }
    if (scenario.internetGateway) {
      const gateway = { name: scenario.internetGateway, vpcId: this.vpcId };
      this.internetGatewayId = await this.create('/v1/internet-gateways', gateway);
    }
    for (const { name, subnet } of scenario.natGateways ?? []) await this.natGateway(name, subnet);
    if (scenario.vpn) await this.vpn(scenario.vpn);
    for (const table of scenario.routeTables) await this.routeTable(table);
    return {
      scenario,
      id: this.vpcId,
      natGateways: this.natGateways,
      resources: this.resources,
      ledgerEntryId: this.ledgerEntryId,
    };
  }

  private async natGateway(name: string, subnet: string): Promise<void> {
    const elasticIpId = await this.create('/v1/elastic-ips', { name });
    const gateway = await this.post('/v1/nat-gateways', { name, subnetId: this.subnets.get(subnet), elasticIpId });
    this.natGateways.set(name, { id: gateway.id, publicAddress: gateway.publicAddress });
  }

  private async vpn({ gateway, customerGateway, connection, remotePrefixes }: VpnScenario): Promise<void> {
    this.vpnGatewayId = await this.create('/v1/vpn-gateways', { name: gateway, vpcId: this.vpcId });
    const customer = { ...customerGateway, wireguardPublicKey: this.customerKey };
    const customerGatewayId = await this.create('/v1/customer-gateways', customer);
    const link = { name: connection, vpnGatewayId: this.vpnGatewayId, customerGatewayId, remotePrefixes };
    await this.create('/v1/vpn-connections', link);
  }

  private async routeTable({ name, routes, propagateVpn }: RouteTableScenario): Promise<void> {
    const id = await this.create('/v1/route-tables', { name, vpcId: this.vpcId });
    for (const { destination, to, gateway } of routes) {
      const target =
        to === 'internet-gateway'
          ? { internetGatewayId: this.internetGatewayId }
          : { natGatewayId: this.natGateways.get(gateway ?? '')?.id };
      await this.post(`/v1/route-tables/${id}/routes`, { destinationCidrBlock: destination, ...target });
    }
    if (propagateVpn) await this.post(`/v1/route-tables/${id}/propagations`, { vpnGatewayId: this.vpnGatewayId });
    for (const subnet of this.scenario.subnets.filter(({ routeTable }) => routeTable === name)) {
      await this.post(`/v1/route-tables/${id}/associations`, { subnetId: this.subnets.get(subnet.name) });
    }
  }

  private async create(path: string, body: object): Promise<string> {
    const made = await this.post(path, body);
    return made.id;
  }

  private async post(path: string, body: object): Promise<Row> {
    this.resources += 1;
    const reply = await this.api.json<Row>({ method: 'POST', path, body });
    this.ledgerEntryId = reply.ledgerEntryId;
    return reply;
  }
}
