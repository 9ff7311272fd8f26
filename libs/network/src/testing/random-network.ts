import { generateKeyPairSync } from 'node:crypto';
import type { Caller } from '../../../../test/support/test-api.js';

/** A generator that gives the same numbers for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// biome-ignore lint/suspicious/noExplicitAny: replies of every shape
type Json = any;

/** Does something to a tenant's networks at random, by the API alone. What is refused has not happened. */
export class RandomNetwork {
  constructor(
    private readonly call: Caller,
    private readonly vpcIds: readonly string[],
    private readonly random: () => number,
  ) {}

  /** The reply of a change that happened, or null. */
  async step(): Promise<Json | null> {
    const vpcId = this.pick(this.vpcIds)!;
    const steps: (() => Json)[] = [
      () => this.post('/v1/subnets', { vpcId, cidrBlock: `10.${this.below(2)}.${this.below(6)}.0/24`, zone: 'zone-1' }),
      () => this.post('/v1/subnets', { vpcId, cidrBlock: `10.0.${this.below(6)}.0/24`, zone: 'zone-1', name: 'n' }),
      async () => this.patch(await this.any('/v1/subnets', vpcId)),
      async () => this.remove(await this.any('/v1/subnets', vpcId)),
      () => this.post('/v1/route-tables', { vpcId, tags: { n: String(this.below(9)) } }),
      async () => this.patch(await this.any('/v1/route-tables', vpcId)),
      async () => this.remove(await this.any('/v1/route-tables', vpcId)),
      () => this.setMain(vpcId),
      () => this.associate(vpcId),
      () => this.associate(vpcId),
      () => this.reassociate(vpcId),
      () => this.route(vpcId, 'POST'),
      () => this.route(vpcId, 'POST'),
      () => this.route(vpcId, 'PUT'),
      () => this.route(vpcId, 'DELETE'),
      () => this.gateway('/v1/internet-gateways', vpcId),
      () => this.gateway('/v1/vpn-gateways', vpcId),
      () => this.nat(vpcId),
      async () => this.remove(await this.any('/v1/nat-gateways', vpcId)),
      () => this.connection(vpcId),
      async () => this.patch(await this.any('/v1/vpn-connections', vpcId), { remotePrefixes: [this.prefix()] }),
      async () => this.remove(await this.any('/v1/vpn-connections', vpcId)),
      () => this.propagation(vpcId),
      () => this.propagation(vpcId),
      () => this.post(`/v1/vpcs/${vpcId}/cidr-blocks`, { cidrBlock: `10.${1 + this.below(3)}.0.0/16` }),
      () => this.removeBlock(vpcId),
      () => this.patch(`/v1/vpcs/${vpcId}`, { name: `vpc ${this.below(9)}`, tags: { t: String(this.below(9)) } }),
    ];
    const reply = await this.pick(steps)!();
    return reply?.ledgerEntryId ? reply : null;
  }

  private below(count: number): number {
    return Math.floor(this.random() * count);
  }

  private pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }

  private prefix(): string {
    return `172.${16 + this.below(4)}.0.0/16`;
  }

  private async send(method: string, path: string, body?: object): Promise<Json> {
    const reply = await this.call(method, path, body);
    if (reply.status >= 500) throw new Error(`${method} ${path}: ${JSON.stringify(reply.body)}`);
    return reply.body;
  }

  private post(path: string, body: object) {
    return this.send('POST', path, body);
  }

  private patch(path: string | null, body: object = { name: `name ${this.below(9)}` }) {
    return path && this.send('PATCH', path, body);
  }

  private remove(path: string | null) {
    return path && this.send('DELETE', path);
  }

  private async list(path: string, vpcId?: string): Promise<Json[]> {
    const { items } = await this.send('GET', `${path}?limit=1000`);
    return vpcId === undefined ? items : items.filter((item: Json) => item.vpcId === vpcId);
  }

  private async any(path: string, vpcId: string): Promise<string | null> {
    const one = this.pick(await this.list(path, vpcId));
    return one ? `${path}/${one.id}` : null;
  }

  private async setMain(vpcId: string) {
    const table = this.pick(await this.list('/v1/route-tables', vpcId));
    return this.send('PUT', `/v1/vpcs/${vpcId}/main-route-table`, { routeTableId: table.id });
  }

  private async associate(vpcId: string) {
    const table = this.pick(await this.list('/v1/route-tables', vpcId));
    const subnet = this.pick(await this.list('/v1/subnets', vpcId));
    return subnet && this.post(`/v1/route-tables/${table.id}/associations`, { subnetId: subnet.id });
  }

  private async reassociate(vpcId: string) {
    const tables = await this.list('/v1/route-tables', vpcId);
    const association = this.pick(tables.flatMap((table) => table.associations));
    if (!association) return null;
    const path = `/v1/route-table-associations/${association.id}`;
    return this.random() < 0.5 ? this.remove(path) : this.send('PUT', path, { routeTableId: this.pick(tables).id });
  }

  private async route(vpcId: string, method: 'POST' | 'PUT' | 'DELETE') {
    const table = this.pick(await this.list('/v1/route-tables', vpcId));
    const destinationCidrBlock = this.pick(['0.0.0.0/0', '192.168.0.0/16', '192.168.1.0/24', '172.16.0.0/16'])!;
    const path = `/v1/route-tables/${table.id}/routes`;
    if (method === 'DELETE') {
      return this.send('DELETE', `${path}?destinationCidrBlock=${encodeURIComponent(destinationCidrBlock)}`);
    }
    const kind = this.pick(['internet-gateway', 'nat-gateway', 'vpn-gateway', 'vpn-gateway'])!;
    const gateway = this.pick(await this.list(`/v1/${kind}s`, vpcId));
    const member = `${kind.replaceAll(/-(.)/g, (_all, letter: string) => letter.toUpperCase())}Id`;
    return gateway && this.send(method, path, { destinationCidrBlock, [member]: gateway.id });
  }

  /** Two of a kind for all VPCs, so that they wander. */
  private async gateway(path: string, vpcId: string) {
    const all = await this.list(path);
    if (all.length < this.vpcIds.length) {
      return this.post(path, this.random() < 0.3 ? {} : { vpcId, name: 'at once' });
    }
    const one = this.pick(all);
    if (this.random() < 0.4) return this.patch(`${path}/${one.id}`);
    return one.vpcId === null || one.attachment === 'detaching'
      ? this.post(`${path}/${one.id}/attach`, { vpcId })
      : this.post(`${path}/${one.id}/detach`, { vpcId: one.vpcId });
  }

  private async nat(vpcId: string) {
    const free = (await this.list('/v1/elastic-ips')).find((address) => address.association === null);
    if (!free) return this.post('/v1/elastic-ips', {});
    const subnet = this.pick(await this.list('/v1/subnets', vpcId));
    return subnet && this.post('/v1/nat-gateways', { subnetId: subnet.id, elasticIpId: free.id });
  }

  private async connection(vpcId: string) {
    const ends = await this.list('/v1/customer-gateways');
    if (ends.length < 2) {
      const key = generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
      return this.post('/v1/customer-gateways', {
        address: '198.51.100.7',
        wireguardPublicKey: key.toString('base64'),
      });
    }
    const gateway = this.pick(await this.list('/v1/vpn-gateways', vpcId));
    const body = { vpnGatewayId: gateway?.id, customerGatewayId: this.pick(ends).id, remotePrefixes: [this.prefix()] };
    return gateway && this.post('/v1/vpn-connections', body);
  }

  private async propagation(vpcId: string) {
    const gateway = this.pick(await this.list('/v1/vpn-gateways', vpcId));
    const table = this.pick(await this.list('/v1/route-tables', vpcId));
    if (!gateway) return null;
    const path = `/v1/route-tables/${table.id}/propagations`;
    return this.random() < 0.6
      ? this.post(path, { vpnGatewayId: gateway.id })
      : this.send('DELETE', `${path}/${gateway.id}`);
  }

  private async removeBlock(vpcId: string) {
    const { cidrBlocks } = await this.send('GET', `/v1/vpcs/${vpcId}`);
    const block = cidrBlocks.find((one: Json) => !one.primary);
    return block && this.send('DELETE', `/v1/vpcs/${vpcId}/cidr-blocks/${block.id}`);
  }
}

/** What a VPC is made of now, in the words of the answers about the past, from the answers about the present alone. */
export async function liveTopology(call: Caller, vpcId: string): Promise<Json> {
  const get = async (path: string) => (await call('GET', path)).body;
  const alive = async (path: string) =>
    (await get(`${path}?limit=1000`)).items
      .filter((item: Json) => item.vpcId === vpcId && item.state !== 'deleting' && item.attachment !== 'detaching')
      .sort((a: Json, b: Json) => (a.id < b.id ? -1 : 1));
  const only = ({ id, name, tags, version }: Json) => ({ id, name, tags, version });
  const vpc = await get(`/v1/vpcs/${vpcId}`);
  const tables = await alive('/v1/route-tables');
  const associations = tables.flatMap((table: Json) =>
    table.associations.map((one: Json) => ({ ...one, routeTableId: table.id })),
  );
  const customers = new Map((await get('/v1/customer-gateways')).items.map((one: Json) => [one.id, one]));
  const [internetGateway = null] = await alive('/v1/internet-gateways');
  const [vpnGateway = null] = await alive('/v1/vpn-gateways');
  const byId = (a: Json, b: Json) => (a.id < b.id ? -1 : 1);
  const routeTables: Json[] = [];
  for (const { id, name, tags, main, associations, propagatingVpnGatewayIds } of tables) {
    const { routes } = await get(`/v1/route-tables/${id}/effective-routes`);
    routeTables.push({
      id,
      name,
      tags,
      main,
      associations: associations.sort(byId),
      propagatingVpnGatewayIds,
      effectiveRoutes: routes,
    });
  }
  return {
    vpc: {
      ...only(vpc),
      cidrBlock: vpc.cidrBlock,
      ipv6CidrBlock: vpc.ipv6CidrBlock,
      cidrBlocks: vpc.cidrBlocks
        .filter((block: Json) => block.state !== 'deleting')
        .map((block: Json) => block.cidrBlock),
      mainRouteTableId: vpc.mainRouteTableId,
    },
    subnets: (await alive('/v1/subnets')).map((subnet: Json) => {
      const own = associations.find((one: Json) => one.subnetId === subnet.id);
      const { zone, cidrBlock, ipv6CidrBlock } = subnet;
      const routing = { routeTableId: own?.routeTableId ?? vpc.mainRouteTableId, associationId: own?.id ?? null };
      return { ...only(subnet), zone, cidrBlock, ipv6CidrBlock, ...routing };
    }),
    routeTables,
    internetGateway: internetGateway && only(internetGateway),
    natGateways: (await alive('/v1/nat-gateways')).map((gateway: Json) => {
      const { subnetId, elasticIpId, privateAddress, publicAddress } = gateway;
      return { ...only(gateway), subnetId, elasticIpId, privateAddress, publicAddress };
    }),
    vpnGateway: vpnGateway && only(vpnGateway),
    vpnConnections: (await alive('/v1/vpn-connections')).map((connection: Json) => {
      const { vpnGatewayId, customerGatewayId, gatewayEndpoint, tunnelBlock, remotePrefixes } = connection;
      const customerAddress = (customers.get(customerGatewayId) as Json).address;
      return {
        ...only(connection),
        ...{ vpnGatewayId, customerGatewayId, gatewayEndpoint, tunnelBlock, remotePrefixes, customerAddress },
      };
    }),
  };
}
