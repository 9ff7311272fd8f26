import { generateKeyPairSync } from 'node:crypto';
import { Test, type TestingModule } from '@nestjs/testing';
import pg from 'pg';
import { DatabaseModule, SystemUnitOfWork } from '#database';
import { type Caller, startTestApi, type TestApi, type TestReply } from '../../../../test/support/test-api.js';
import { VpcRealization } from '../app/vpc-realization.js';
import { NetworkIntentModule } from '../network-intent.module.js';

/** A tenant with one of everything that a network can have. Each member is an id. */
export interface WholeNetwork {
  tenantId: string;
  call: Caller;
  vpcId: string;
  secondaryBlockId: string;
  publicSubnetId: string;
  privateSubnetId: string;
  mainRouteTableId: string;
  routeTableId: string;
  associationId: string;
  internetGatewayId: string;
  elasticIpId: string;
  natGatewayId: string;
  vpnGatewayId: string;
  customerGatewayId: string;
  vpnConnectionId: string;
}

const wireguardKey = () =>
  generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');

/** The reply's body. @throws Error when the request did not succeed */
export function succeeded({ status, body }: TestReply): TestReply['body'] {
  if (status >= 300) throw new Error(`refused: ${JSON.stringify(body)}`);
  return body;
}

/** A VPC 10.0.0.0/16 with an internet gateway and one subnet. */
export interface Office {
  vpcId: string;
  mainRouteTableId: string;
  internetGatewayId: string;
  subnetId: string;
}

/** The API on a database of its own, and what a worker would do beside it. */
export class NetworkFixture {
  private constructor(
    readonly api: TestApi,
    readonly worker: TestingModule,
  ) {}

  private readonly clients: pg.Client[] = [];

  static async start(): Promise<NetworkFixture> {
    return NetworkFixture.on(await startTestApi());
  }

  /** On an API that runs already; it is closed with the fixture. */
  static async on(api: TestApi): Promise<NetworkFixture> {
    const url = api.database.urls.freehold_system;
    const worker = await Test.createTestingModule({
      imports: [DatabaseModule.forRoot({ url, role: 'system', applicationName: 'test' }), NetworkIntentModule],
    }).compile();
    return new NetworkFixture(api, worker);
  }

  async close(): Promise<void> {
    for (const client of this.clients) await client.end();
    await this.worker.close();
    await this.api.close();
  }

  /** A connection of the test's own, with nothing of ours between it and the database. */
  async client(url: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    this.clients.push(client);
    return client;
  }

  /** The api role as one tenant. */
  async apiRole(tenantId: string): Promise<pg.Client> {
    const client = await this.client(this.api.database.urls.freehold_api);
    await client.query("SELECT set_config('app.tenant', $1, false)", [tenantId]);
    return client;
  }

  /** The data plane reaches what is intended now. */
  realize(vpcId: string): Promise<boolean> {
    return this.worker.get(SystemUnitOfWork).run(async (tx) => {
      const [row] = await tx.query<{ generation: string }>('SELECT generation FROM vpc WHERE id = $1', [vpcId]);
      return row ? this.worker.get(VpcRealization).realized(tx, vpcId, Number(row.generation)) : false;
    });
  }

  async pool(name: string, cidrBlock: string, purpose = 'public'): Promise<string> {
    return succeeded(await this.api.operator('POST', '/v1/system/address-pools', { name, cidrBlock, purpose })).id;
  }

  /** Lets a tenant have more of something. */
  async allow(tenantId: string, quota: string, allowed: number): Promise<void> {
    succeeded(await this.api.operator('PUT', `/v1/system/tenants/${tenantId}/quotas/${quota}`, { allowed }));
  }

  async gatewayHost(name: string): Promise<string> {
    const body = { name, wireguardPublicKey: wireguardKey(), endpoint: `${name}.example.net:51820` };
    return succeeded(await this.api.operator('POST', '/v1/system/gateway-hosts', body)).id;
  }

  async office(call: Caller): Promise<Office> {
    const vpc = succeeded(await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }));
    const gateway = succeeded(await call('POST', '/v1/internet-gateways', { vpcId: vpc.id }));
    const subnet = { vpcId: vpc.id, cidrBlock: '10.0.0.0/24', zone: 'zone-1' };
    return {
      vpcId: vpc.id,
      mainRouteTableId: vpc.mainRouteTableId,
      internetGatewayId: gateway.id,
      subnetId: succeeded(await call('POST', '/v1/subnets', subnet)).id,
    };
  }

  /** Needs a public pool and a gateway host. All tenants get the same addresses inside. @param tenant a new one by default */
  async wholeNetwork(tenant?: { id: string; call: Caller }): Promise<WholeNetwork> {
    const { id: tenantId, call } = tenant ?? (await this.api.tenant());
    const post = async (path: string, body: object) => succeeded(await call('POST', path, body));
    const vpc = await post('/v1/vpcs', { cidrBlock: '10.0.0.0/16', ipv6CidrBlock: 'fd00:1::/56' });
    const vpcId: string = vpc.id;
    const widened = await post(`/v1/vpcs/${vpcId}/cidr-blocks`, { cidrBlock: '10.1.0.0/16' });
    const { id: publicSubnetId } = await post('/v1/subnets', { vpcId, cidrBlock: '10.0.0.0/24', zone: 'zone-1' });
    const { id: privateSubnetId } = await post('/v1/subnets', { vpcId, cidrBlock: '10.0.1.0/24', zone: 'zone-1' });
    const { id: internetGatewayId } = await post('/v1/internet-gateways', { vpcId });
    const { id: elasticIpId } = await post('/v1/elastic-ips', {});
    const { id: natGatewayId } = await post('/v1/nat-gateways', { subnetId: publicSubnetId, elasticIpId });
    const { id: vpnGatewayId } = await post('/v1/vpn-gateways', { vpcId });
    const { id: customerGatewayId } = await post('/v1/customer-gateways', {
      address: '198.51.100.7',
      wireguardPublicKey: wireguardKey(),
    });
    const { id: vpnConnectionId } = await post('/v1/vpn-connections', {
      vpnGatewayId,
      customerGatewayId,
      remotePrefixes: ['172.16.0.0/16'],
    });
    const { id: routeTableId } = await post('/v1/route-tables', { vpcId, tags: { tier: 'private' } });
    const routes = `/v1/route-tables/${routeTableId}/routes`;
    await post(routes, { destinationCidrBlock: '0.0.0.0/0', natGatewayId });
    await post(routes, { destinationCidrBlock: '::/0', internetGatewayId });
    await post(routes, { destinationCidrBlock: '192.168.0.0/16', vpnGatewayId });
    await post(`/v1/route-tables/${routeTableId}/propagations`, { vpnGatewayId });
    const association = await post(`/v1/route-tables/${routeTableId}/associations`, { subnetId: privateSubnetId });
    return {
      tenantId,
      call,
      vpcId,
      secondaryBlockId: widened.cidrBlocks.find((block: { cidrBlock: string }) => block.cidrBlock === '10.1.0.0/16').id,
      publicSubnetId,
      privateSubnetId,
      mainRouteTableId: vpc.mainRouteTableId,
      routeTableId,
      associationId: association.id,
      internetGatewayId,
      elasticIpId,
      natGatewayId,
      vpnGatewayId,
      customerGatewayId,
      vpnConnectionId,
    };
  }
}
