import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type Caller, startTestApi, type TestApi, type TestReply } from '../support/test-api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const wireguardKey = () =>
  generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');

async function rows<Row extends pg.QueryResultRow>(sql: string, params: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: api.database.adminUrl });
  await client.connect();
  try {
    return (await client.query<Row>(sql, params)).rows;
  } finally {
    await client.end();
  }
}

/** The bodies of the ledger entries about a resource, oldest first. */
async function ledgerOf(resourceId: string) {
  const entries = await rows<{ body: Buffer }>('SELECT body FROM ledger_entry ORDER BY committed_at, id');
  return entries.map(({ body }) => JSON.parse(body.toString())).filter(({ resource }) => resource.id === resourceId);
}

function created({ status, body }: TestReply): string {
  if (status !== 201) throw new Error(`not created: ${JSON.stringify(body)}`);
  return body.id as string;
}

let hostNumber = 0;
/** A host of the operator, at an address of its own. */
async function registerHost(name: string): Promise<TestReply> {
  hostNumber += 1;
  return api.operator('POST', '/v1/system/gateway-hosts', {
    name,
    wireguardPublicKey: wireguardKey(),
    endpoint: `vpn${hostNumber}.example.net:51820`,
  });
}

/** A tenant with a VPC, a VPN gateway in it and a customer gateway. */
async function office() {
  const { call, ...tenant } = await api.tenant();
  const vpcId = created(await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16', ipv6CidrBlock: 'fd00:1::/56' }));
  const vpnGatewayId = created(await call('POST', '/v1/vpn-gateways', { vpcId }));
  const publicKey = wireguardKey();
  const customer = { address: '198.51.100.7', wireguardPublicKey: publicKey, asn: 65_001 };
  const customerGatewayId = created(await call('POST', '/v1/customer-gateways', customer));
  const connect = (body: object = {}) =>
    call('POST', '/v1/vpn-connections', {
      vpnGatewayId,
      customerGatewayId,
      remotePrefixes: ['172.16.0.0/16'],
      ...body,
    });
  return { ...tenant, call, vpcId, vpnGatewayId, customerGatewayId, publicKey, connect };
}

const codeOf = ({ status, body }: TestReply) => [status, body.code];
const ruleOf = ({ body }: TestReply) => [body.errors?.[0]?.pointer, body.errors?.[0]?.rule];

describe('before any gateway host is registered', () => {
  it('a connection is refused by name, and nothing is left of it', async () => {
    const { connect, call } = await office();
    const reply = await connect();
    expect(codeOf(reply)).toEqual([409, 'NoGatewayHost']);
    expect(reply.body.detail).toContain('freehold agent init');
    expect((await call('GET', '/v1/vpn-connections')).body.items).toEqual([]);
    expect(await rows('SELECT 1 FROM vpn_connection')).toEqual([]);
  });
});

describe('gateway hosts', () => {
  it('are registered, read, changed and deleted by the operator, each in the system chain', async () => {
    const reply = await registerHost('first host');
    expect(reply).toMatchObject({ status: 201, body: { name: 'first host', connections: 0, version: 1 } });
    const path = `/v1/system/gateway-hosts/${reply.body.id}`;
    expect((await api.operator('GET', path)).body).toMatchObject({ endpoint: reply.body.endpoint });
    const rotated = {
      name: 'First Host',
      wireguardPublicKey: wireguardKey(),
      endpoint: '[2001:db8::7]:40000',
    };
    expect((await api.operator('PUT', path, rotated)).body).toMatchObject({ ...rotated, version: 2 });
    expect((await api.operator('PUT', path, rotated, { 'if-match': '"1"' })).status).toBe(412);
    const { items } = (await api.operator('GET', '/v1/system/gateway-hosts')).body;
    expect(items).toContainEqual(expect.objectContaining(rotated));
    expect((await api.operator('DELETE', path)).status).toBe(200);
    expect((await api.operator('GET', path)).status).toBe(404);
    const entries = await ledgerOf(reply.body.id);
    expect(entries.map(({ action, class: kind, tenant }) => [action, kind, tenant])).toEqual(
      ['registered', 'updated', 'deleted'].map((verb) => [`gateway-host.${verb}`, 'system', 'tnt-00000000000000000']),
    );
  });

  it.each<[string, object, string, string]>([
    ['a short key', { wireguardPublicKey: 'AAAA' }, '/wireguardPublicKey', 'wireguard-key.base64'],
    [
      'a key of low order',
      { wireguardPublicKey: Buffer.alloc(32).toString('base64') },
      '/wireguardPublicKey',
      'wireguard-key.low-order',
    ],
    ['no port', { endpoint: 'vpn.example.net' }, '/endpoint', 'endpoint.form'],
    ['a second line', { endpoint: 'vpn.example.net\nx:1' }, '/endpoint', 'endpoint.host-name'],
    ['loopback', { endpoint: '127.0.0.1:51820' }, '/endpoint', 'ip.unicast'],
    ['a private key', { privateKey: 'x' }, '/privateKey', 'field.known'],
  ])('%s is refused', async (_name, change, pointer, rule) => {
    const body = { name: 'bad', wireguardPublicKey: wireguardKey(), endpoint: 'vpn.example.net:51820', ...change };
    const reply = await api.operator('POST', '/v1/system/gateway-hosts', body);
    expect([reply.status, ...ruleOf(reply)]).toEqual([400, pointer, rule]);
  });

  it('two hosts share neither name nor key nor ports', async () => {
    const body = { name: 'Unique', wireguardPublicKey: wireguardKey(), endpoint: 'unique.example.net:20000' };
    const register = (change: object) =>
      api.operator('POST', '/v1/system/gateway-hosts', {
        name: 'other',
        wireguardPublicKey: wireguardKey(),
        endpoint: 'other.example.net:20000',
        ...change,
      });
    const id = created(await register(body));
    expect(codeOf(await register({ name: 'unique' }))).toEqual([409, 'GatewayHostNameTaken']);
    expect(codeOf(await register({ wireguardPublicKey: body.wireguardPublicKey }))).toEqual([
      409,
      'GatewayHostKeyTaken',
    ]);
    for (const port of [19_001, 20_999]) {
      const reply = await register({ endpoint: `unique.example.net:${port}` });
      expect(codeOf(reply)).toEqual([409, 'GatewayHostEndpointTaken']);
    }
    const beside = created(await register({ endpoint: 'unique.example.net:21000' }));
    for (const one of [id, beside]) await api.operator('DELETE', `/v1/system/gateway-hosts/${one}`);
  });
});

describe('customer gateways', () => {
  it('keep an address, a key and an AS number, and change their name and tags', async () => {
    const { call } = await api.tenant();
    const body = { address: '2001:db8::9', wireguardPublicKey: wireguardKey(), name: 'branch', tags: { site: 'b' } };
    const reply = await call('POST', '/v1/customer-gateways', body);
    expect(reply.body).toMatchObject({ ...body, asn: null, state: 'available', ledgerEntryId: expect.any(String) });
    const path = `/v1/customer-gateways/${reply.body.id}`;
    const patched = await call('PATCH', path, { name: null, tags: { site: 'c' } });
    expect(patched.body).toMatchObject({ name: null, tags: { site: 'c' }, version: 2 });
    expect((await call('PATCH', path, { address: '198.51.100.1' })).status).toBe(400);
    expect((await call('GET', '/v1/customer-gateways?tag=site:c')).body.items).toHaveLength(1);
    expect((await call('DELETE', path)).body.state).toBe('deleting');
    expect((await call('GET', path)).status).toBe(404);
    expect(await rows('SELECT 1 FROM resource_tag WHERE resource_id = $1', [reply.body.id])).toEqual([]);
  });

  it.each<[string, object, string, string]>([
    ['no key and no AS number', { wireguardPublicKey: undefined }, '', 'customer-gateway.key-or-asn'],
    ['a block', { address: '198.51.100.0/24' }, '/address', 'ip.single-address'],
    ['multicast', { address: '224.0.0.5' }, '/address', 'ip.unicast'],
    ['loopback', { address: '::1' }, '/address', 'ip.unicast'],
    ['an octal number', { address: '198.51.100.010' }, '/address', 'ip.leading-zero'],
    ['a host name', { address: 'office.example.net' }, '/address', 'ip.characters'],
    ['AS 0', { asn: 0 }, '/asn', 'field.too-small'],
    ['AS 4294967295', { asn: 4_294_967_295 }, '/asn', 'field.too-big'],
    ['half an AS number', { asn: 1.5 }, '/asn', 'field.invalid-type'],
    ['a key that is no key', { wireguardPublicKey: 'x'.repeat(44) }, '/wireguardPublicKey', 'wireguard-key.base64'],
  ])('%s is refused', async (_name, change, pointer, rule) => {
    const { call } = await api.tenant();
    const body = { address: '198.51.100.7', wireguardPublicKey: wireguardKey(), ...change };
    const reply = await call('POST', '/v1/customer-gateways', body);
    expect([reply.status, ...ruleOf(reply)]).toEqual([400, pointer, rule]);
  });
});

describe('VPN gateways', () => {
  it('are attached to one VPC, and a VPC has one', async () => {
    const { call } = await api.tenant();
    const vpcId = created(await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }));
    const otherVpc = created(await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }));
    const gateway = await call('POST', '/v1/vpn-gateways', { name: 'edge' });
    expect(gateway.body).toMatchObject({ vpcId: null, attachment: 'detached', state: 'available' });
    const path = `/v1/vpn-gateways/${gateway.body.id}`;
    expect(codeOf(await call('POST', `${path}/detach`, { vpcId }))).toEqual([409, 'GatewayNotAttached']);
    const attached = await call('POST', `${path}/attach`, { vpcId });
    expect(attached).toMatchObject({
      status: 200,
      body: { vpcId, attachment: 'attached', state: 'pending', version: 2 },
    });
    expect(codeOf(await call('POST', `${path}/attach`, { vpcId: otherVpc }))).toEqual([409, 'GatewayAttached']);
    expect(codeOf(await call('POST', `${path}/detach`, { vpcId: otherVpc }))).toEqual([409, 'GatewayNotAttached']);
    expect(codeOf(await call('POST', '/v1/vpn-gateways', { vpcId }))).toEqual([409, 'VpcHasVpnGateway']);
    expect((await call('GET', `/v1/vpn-gateways?vpcId=${vpcId}`)).body.items).toHaveLength(1);
    expect((await call('PATCH', path, { name: 'new' })).body).toMatchObject({ name: 'new', version: 3 });

    const refused = await call('DELETE', path);
    expect(codeOf(refused)).toEqual([409, 'DependencyViolation']);
    expect(refused.body.blockers).toEqual([{ id: vpcId, kind: 'vpc', fix: expect.stringContaining('/detach') }]);
    const refusedVpc = await call('DELETE', `/v1/vpcs/${vpcId}`);
    expect(refusedVpc.body.blockers).toContainEqual(
      expect.objectContaining({ kind: 'vpn-gateway', id: gateway.body.id }),
    );

    const detached = await call('POST', `${path}/detach`, { vpcId });
    expect(detached.body).toMatchObject({ vpcId, attachment: 'detaching', state: 'pending' });
    expect(codeOf(await call('POST', `${path}/attach`, { vpcId: otherVpc }))).toEqual([409, 'GatewayDetaching']);
    expect((await call('POST', `${path}/attach`, { vpcId })).body.attachment).toBe('attached');
    await call('POST', `${path}/detach`, { vpcId });
    expect((await call('DELETE', path)).body.state).toBe('deleting');
    expect((await ledgerOf(gateway.body.id)).map(({ action }) => action.split('.')[1])).toEqual([
      'created',
      'attached',
      'updated',
      'detached',
      'attached',
      'detached',
      'deleted',
    ]);
  });

  it('in no VPC go at once', async () => {
    const { call } = await api.tenant();
    const path = `/v1/vpn-gateways/${created(await call('POST', '/v1/vpn-gateways', { tags: { a: 'b' } }))}`;
    expect((await call('DELETE', path)).status).toBe(200);
    expect((await call('GET', path)).status).toBe(404);
  });

  it('keep a tenant from being deleted, and so do customer gateways', async () => {
    const tenant = await api.tenant();
    const gateway = created(await tenant.call('POST', '/v1/vpn-gateways', {}));
    const customer = created(await tenant.call('POST', '/v1/customer-gateways', { address: '198.51.100.7', asn: 1 }));
    const reply = await api.operator('DELETE', `/v1/system/tenants/${tenant.id}`);
    expect(codeOf(reply)).toEqual([409, 'DependencyViolation']);
    expect(reply.body.blockers.map(({ id }: { id: string }) => id)).toEqual([gateway, customer]);
  });
});

describe('VPN connections', () => {
  let hostId: string;
  beforeAll(async () => {
    hostId = created(await registerHost('connections'));
  });

  it('live from creation to the withdrawal of their routes', async () => {
    const { call, connect, vpcId, vpnGatewayId, customerGatewayId } = await office();
    const reply = await connect({ name: 'to the office', tags: { site: 'hq' } });
    expect(reply.status).toBe(201);
    expect(reply.body).toMatchObject({
      vpcId,
      vpnGatewayId,
      customerGatewayId,
      name: 'to the office',
      remotePrefixes: ['172.16.0.0/16'],
      tunnelBlock: '169.254.0.4/30',
      insideAddress: '169.254.0.5',
      customerInsideAddress: '169.254.0.6',
      gatewayEndpoint: expect.stringMatching(/^vpn\d+\.example\.net:51820$/),
      state: 'pending',
      version: 1,
      tags: { site: 'hq' },
      ledgerEntryId: expect.any(String),
      promise: expect.any(String),
    });
    expect(JSON.stringify(reply.body)).not.toMatch(/preshared/i);
    const path = `/v1/vpn-connections/${reply.body.id}`;
    for (const filter of [
      `vpcId=${vpcId}`,
      `vpnGatewayId=${vpnGatewayId}`,
      `customerGatewayId=${customerGatewayId}`,
      'tag=site:hq',
    ]) {
      expect((await call('GET', `/v1/vpn-connections?${filter}`)).body.items).toHaveLength(1);
    }
    const patched = await call('PATCH', path, { remotePrefixes: ['192.168.0.0/24', '172.16.0.0/12'], name: null });
    expect(patched.body).toMatchObject({ remotePrefixes: ['172.16.0.0/12', '192.168.0.0/24'], name: null, version: 2 });
    expect((await call('GET', path)).body).toMatchObject({ remotePrefixes: ['172.16.0.0/12', '192.168.0.0/24'] });
    expect((await call('DELETE', path)).body).toMatchObject({ state: 'deleting', remotePrefixes: [] });
    expect(codeOf(await call('DELETE', path))).toEqual([409, 'Deleting']);
    expect(codeOf(await call('POST', `${path}/customer-configuration`))).toEqual([409, 'Deleting']);
    const entries = await ledgerOf(reply.body.id);
    expect(entries.map(({ action }) => action)).toEqual([
      'vpn-connection.created',
      'vpn-connection.updated',
      'vpn-connection.deleted',
    ]);
    expect(entries[1].before.remotePrefixes).toEqual(['172.16.0.0/16']);
    expect(entries[1].after.remotePrefixes).toEqual(['172.16.0.0/12', '192.168.0.0/24']);
  });

  it('are propagated into the tables that ask for them, and no block of the VPC may overlap what lies behind them', async () => {
    const { call, connect, vpcId, vpnGatewayId } = await office();
    const id = created(await connect());
    const { mainRouteTableId } = (await call('GET', `/v1/vpcs/${vpcId}`)).body;
    const table = `/v1/route-tables/${mainRouteTableId}`;
    const propagated = async () => {
      const { routes } = (await call('GET', table)).body as { routes: { origin: string }[] };
      return routes.filter(({ origin }) => origin === 'vpn-static');
    };
    expect(await propagated()).toEqual([]);
    expect((await call('POST', `${table}/propagations`, { vpnGatewayId })).status).toBeLessThan(300);
    expect(await propagated()).toEqual([expect.objectContaining({ destinationCidrBlock: '172.16.0.0/16' })]);
    const overlapping = await call('POST', `/v1/vpcs/${vpcId}/cidr-blocks`, { cidrBlock: '172.16.4.0/24' });
    expect(ruleOf(overlapping)).toEqual(['/cidrBlock', 'vpc.block-remote-prefix']);
    expect((await call('POST', `/v1/vpcs/${vpcId}/cidr-blocks`, { cidrBlock: '172.17.0.0/24' })).status).toBe(201);

    await call('DELETE', `/v1/vpn-connections/${id}`);
    expect(await propagated()).toEqual([]);
    const refused = await call('POST', `/v1/vpn-gateways/${vpnGatewayId}/detach`, { vpcId });
    expect(refused.body.blockers).toEqual([
      {
        id: mainRouteTableId,
        kind: 'route-propagation',
        fix: `DELETE ${table}/propagations/${vpnGatewayId}`,
      },
    ]);
    expect((await call('DELETE', `${table}/propagations/${vpnGatewayId}`)).status).toBe(200);
    expect((await call('POST', `/v1/vpn-gateways/${vpnGatewayId}/detach`, { vpcId })).status).toBe(200);
  });

  it('block, in a safe order, what they need', async () => {
    const { call, connect, vpcId, vpnGatewayId, customerGatewayId } = await office();
    const id = created(await connect());
    const fix = { id, kind: 'vpn-connection', fix: `DELETE /v1/vpn-connections/${id}` };
    const detach = () => call('POST', `/v1/vpn-gateways/${vpnGatewayId}/detach`, { vpcId });
    expect((await detach()).body).toMatchObject({ code: 'DependencyViolation', blockers: [fix] });
    expect((await call('DELETE', `/v1/vpn-gateways/${vpnGatewayId}`)).body.blockers).toEqual([
      fix,
      expect.objectContaining({ kind: 'vpc' }),
    ]);
    expect((await call('DELETE', `/v1/customer-gateways/${customerGatewayId}`)).body.blockers).toEqual([fix]);
    const vpc = (await call('DELETE', `/v1/vpcs/${vpcId}`)).body.blockers;
    expect(vpc.map(({ kind }: { kind: string }) => kind)).toEqual(['vpn-connection', 'vpn-gateway']);
    const host = await api.operator('DELETE', `/v1/system/gateway-hosts/${hostId}`);
    expect(host.body.code).toBe('DependencyViolation');
    expect(host.body.blockers).toContainEqual(expect.objectContaining({ id, kind: 'vpn-connection' }));

    expect((await call('DELETE', `/v1/vpn-connections/${id}`)).status).toBe(200);
    expect((await detach()).status).toBe(200);
    expect((await call('DELETE', `/v1/vpn-gateways/${vpnGatewayId}`)).body.state).toBe('deleting');
    expect((await call('DELETE', `/v1/customer-gateways/${customerGatewayId}`)).body.state).toBe('deleting');
    expect((await call('GET', `/v1/customer-gateways/${customerGatewayId}`)).body.state).toBe('deleting');
    expect((await call('DELETE', `/v1/vpcs/${vpcId}`)).status).toBe(200);
  });

  it('need a gateway in a VPC and a customer with a key', async () => {
    const { call, connect } = await office();
    const loose = created(await call('POST', '/v1/vpn-gateways', {}));
    expect(codeOf(await connect({ vpnGatewayId: loose }))).toEqual([409, 'VpnGatewayNotAttached']);
    const bgp = created(await call('POST', '/v1/customer-gateways', { address: '198.51.100.8', asn: 65_002 }));
    expect(codeOf(await connect({ customerGatewayId: bgp }))).toEqual([409, 'CustomerGatewayHasNoKey']);
  });

  it.each<[string, object, number, string, string]>([
    ['no prefix', { remotePrefixes: [] }, 400, '/remotePrefixes', 'field.too-small'],
    ['a prefix in the VPC', { remotePrefixes: ['10.0.1.0/24'] }, 400, '/remotePrefixes/0', 'vpn.remote-prefix-overlap'],
    ['a prefix around it', { remotePrefixes: ['10.0.0.0/8'] }, 400, '/remotePrefixes/0', 'vpn.remote-prefix-overlap'],
    [
      'everything',
      { remotePrefixes: ['172.16.0.0/16', '0.0.0.0/0'] },
      400,
      '/remotePrefixes/1',
      'vpn.remote-prefix-overlap',
    ],
    ['everything in IPv6', { remotePrefixes: ['::/0'] }, 400, '/remotePrefixes/0', 'vpn.remote-prefix-overlap'],
    ['host bits', { remotePrefixes: ['172.16.0.1/16'] }, 400, '/remotePrefixes/0', 'ip.host-bits'],
    [
      'the same twice',
      { remotePrefixes: ['172.16.0.0/16', '172.16.0.0/16'] },
      400,
      '/remotePrefixes/1',
      'vpn.remote-prefix-once',
    ],
    ['a tunnel elsewhere', { tunnelBlock: '10.9.0.0/30' }, 400, '/tunnelBlock', 'vpn.tunnel-range'],
    ['a larger tunnel', { tunnelBlock: '169.254.20.0/29' }, 400, '/tunnelBlock', 'vpn.tunnel-range'],
    ['a reserved tunnel', { tunnelBlock: '169.254.1.0/30' }, 400, '/tunnelBlock', 'vpn.tunnel-reserved'],
    ['a key of its own', { presharedKey: 'x' }, 400, '/presharedKey', 'field.known'],
  ])('with %s are refused', async (_name, change, status, pointer, rule) => {
    const { connect } = await office();
    const reply = await connect(change);
    expect([reply.status, ...ruleOf(reply)]).toEqual([status, pointer, rule]);
  });

  it('of one gateway share neither a tunnel block nor a prefix', async () => {
    const { connect } = await office();
    const first = await connect({ tunnelBlock: '169.254.20.4/30' });
    const prefix = await connect();
    expect(codeOf(prefix)).toEqual([409, 'RemotePrefixTaken']);
    expect(prefix.body.detail).toContain(first.body.id);
    const remotePrefixes = ['172.16.5.0/24'];
    expect(codeOf(await connect({ remotePrefixes, tunnelBlock: '169.254.20.4/30' }))).toEqual([
      409,
      'TunnelBlockTaken',
    ]);
    expect((await connect({ remotePrefixes, tunnelBlock: '169.254.20.8/30' })).status).toBe(201);
  });

  it('are limited for each gateway', async () => {
    const { id, connect } = await office();
    await api.operator('PUT', `/v1/system/tenants/${id}/quotas/vpn-connections-per-gateway`, { allowed: 1 });
    expect((await connect()).status).toBe(201);
    expect(codeOf(await connect({ remotePrefixes: ['192.168.0.0/24'] }))).toEqual([409, 'QuotaExceeded']);
  });

  it('keep the first port of their host where it is, while its key and name may change', async () => {
    const { connect, call } = await office();
    const connection = (await connect()).body;
    const { body: host } = await api.operator('GET', `/v1/system/gateway-hosts/${hostId}`);
    const path = `/v1/system/gateway-hosts/${hostId}`;
    const description = { name: host.name, wireguardPublicKey: wireguardKey(), endpoint: host.endpoint };
    const moved = await api.operator('PUT', path, { ...description, endpoint: 'elsewhere.example.net:1000' });
    expect(codeOf(moved)).toEqual([409, 'GatewayHostInUse']);
    expect((await api.operator('PUT', path, description)).status).toBe(200);
    const read = await call('GET', `/v1/vpn-connections/${connection.id}`);
    expect(read.body.gatewayPublicKey).toBe(description.wireguardPublicKey);
  });

  it('are spread over the hosts, each with a port of its own', async () => {
    const second = created(await registerHost('spread'));
    const before = (await api.operator('GET', `/v1/system/gateway-hosts/${second}`)).body.connections;
    expect(before).toBe(0);
    const { connect } = await office();
    expect((await connect()).status).toBe(201);
    expect((await api.operator('GET', `/v1/system/gateway-hosts/${second}`)).body.connections).toBe(1);
    const ports = await rows<{ n: number; distinct: number }>(
      'SELECT count(*)::int AS n, count(DISTINCT (gateway_host_id, listen_port))::int AS distinct FROM vpn_endpoint',
    );
    expect(ports[0]!.n).toBe(ports[0]!.distinct);
  });
});

describe("the customer's configuration", () => {
  const download = (call: Caller, id: string, query = '', headers: Record<string, string> = {}) =>
    call('POST', `/v1/vpn-connections/${id}/customer-configuration${query}`, undefined, headers);

  it('connects the two ends, is recorded without the key, and never cached', async () => {
    const { call, connect, publicKey, apiKey } = await office();
    const connection = (await connect({ name: 'Zürich – hq' })).body;
    const reply = await download(call, connection.id, '?format=wg-quick');
    expect(reply).toMatchObject({ status: 200, body: { format: 'wg-quick', vpnConnectionId: connection.id } });
    expect(reply.headers.get('cache-control')).toBe('no-store');
    const text = reply.body.configuration as string;
    const [, key] = /^PresharedKey = (.+)$/m.exec(text)!;
    expect(Buffer.from(key!, 'base64')).toHaveLength(32);
    expect(text).toBe(
      [
        `# Freehold VPN connection ${connection.id} (Zürich – hq)`,
        '[Interface]',
        `PrivateKey = <put the private key of ${publicKey} here>`,
        'Address = 169.254.0.6/30',
        '',
        '[Peer]',
        `PublicKey = ${connection.gatewayPublicKey}`,
        `PresharedKey = ${key}`,
        `Endpoint = ${connection.gatewayEndpoint}`,
        'AllowedIPs = 10.0.0.0/16, fd00:1::/56, 169.254.0.4/30',
        'PersistentKeepalive = 25',
        '',
      ].join('\n'),
    );
    expect((await download(call, connection.id)).body.configuration).toBe(text);
    const entries = (await ledgerOf(connection.id)).slice(1);
    expect(entries).toHaveLength(2);
    expect(entries[0]).toMatchObject({
      id: reply.body.ledgerEntryId,
      class: 'audit',
      action: 'vpn-connection.configuration-downloaded',
      keyId: `key-${apiKey.slice(3, 20)}`,
      before: null,
      after: { format: 'wg-quick' },
    });
    await expectNowhereInTheDatabase(key!);
  });

  it('shows the key in no dry run and in no repeated reply', async () => {
    const { call, connect } = await office();
    const { id } = (await connect()).body;
    const dry = await download(call, id, '?dryRun=true');
    expect(dry.body).toMatchObject({ dryRun: true });
    expect(dry.body.configuration).toContain('PresharedKey = <shown by a recorded download only>');
    expect(await ledgerOf(id)).toHaveLength(1);
    const headers = { 'idempotency-key': 'download' };
    const [, key] = /^PresharedKey = (.+)$/m.exec((await download(call, id, '', headers)).body.configuration)!;
    const again = await download(call, id, '', headers);
    expect(again.body).toMatchObject({ configuration: null, secretWasShown: true });
    expect(again.headers.get('cache-control')).toBe('no-store');
    expect(await ledgerOf(id)).toHaveLength(2);
    await expectNowhereInTheDatabase(key!);
  });

  it('is refused to who may only read, and in formats that do not exist', async () => {
    const { call, connect } = await office();
    const { id } = (await connect()).body;
    const [{ userId }] = (await call('GET', '/v1/api-keys')).body.items;
    const scopes = ['network:read'];
    const { apiKey } = (await call('POST', '/v1/api-keys', { userId, name: 'reader', scopes })).body;
    const reader = api.caller(apiKey);
    expect((await reader('GET', `/v1/vpn-connections/${id}`)).status).toBe(200);
    expect(codeOf(await download(reader, id))).toEqual([403, 'Forbidden']);
    expect((await download(call, id, '?format=ipsec')).status).toBe(400);
    expect((await call('GET', `/v1/vpn-connections/${id}/customer-configuration`)).status).toBe(404);
    expect(await ledgerOf(id)).toHaveLength(1);
  });

  it('differs between connections, and each key opens for its own alone', async () => {
    const { call, connect } = await office();
    const one = (await connect()).body.id;
    const other = (await connect({ remotePrefixes: ['192.168.0.0/24'] })).body.id;
    const keys = [];
    for (const id of [one, other])
      keys.push((await download(call, id)).body.configuration.match(/PresharedKey = (.+)/)[1]);
    expect(keys[0]).not.toBe(keys[1]);
    await rows(
      `UPDATE vpn_connection SET sealed_preshared_key =
         (SELECT sealed_preshared_key FROM vpn_connection WHERE id = $1) WHERE id = $2`,
      [one, other],
    );
    expect(codeOf(await download(call, other))).toEqual([503, 'SealBroken']);
  });

  const hasTools = spawnSync('wg-quick', ['--help']).error === undefined;
  it(hasTools ? 'is read by wg-quick' : 'is NOT read by wg-quick here: wireguard-tools is not installed', async () => {
    const { call, connect } = await office();
    const { configuration, fileName } = (await download(call, (await connect()).body.id)).body;
    expect(fileName).toMatch(/^[a-zA-Z0-9_=+.-]{1,15}\.conf$/);
    if (!hasTools) return;
    const folder = mkdtempSync(join(tmpdir(), 'freehold-wg-'));
    try {
      writeFileSync(join(folder, fileName), configuration, { mode: 0o600 });
      const stripped = execFileSync('wg-quick', ['strip', join(folder, fileName)], { encoding: 'utf8' });
      expect(stripped).toMatch(/^PresharedKey = /m);
      expect(stripped).not.toMatch(/^Address/m);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** Looks for the text in every column of every table, as text and as the bytes that it stands for. */
async function expectNowhereInTheDatabase(secret: string): Promise<void> {
  const tables = await rows<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
  );
  const hex = Buffer.from(secret, 'base64').toString('hex');
  const asHex = Buffer.from(secret).toString('hex');
  for (const { name } of tables) {
    const found = await rows(
      `SELECT 1 FROM "${name}" t WHERE t::text LIKE '%' || $1 || '%' OR t::text LIKE '%' || $2 || '%' OR t::text LIKE '%' || $3 || '%'`,
      [secret, hex, asHex],
    );
    expect([name, found.length]).toEqual([name, 0]);
  }
}

describe("another tenant's", () => {
  it('resources are answered like those that do not exist, in paths, bodies and filters', async () => {
    const owner = await office();
    const connection = created(await owner.connect());
    const { call } = await office();
    const stranger = await office();
    const unknown = (id: string) => id.replace(/-.*/, `-${'0'.repeat(17)}`);
    const alike = async (make: (id: string) => Promise<TestReply>, id: string) => {
      const [foreign, absent] = [await make(id), await make(unknown(id))];
      const text = (reply: TestReply, own: string) =>
        JSON.stringify({ ...reply.body, requestId: '', instance: '' }).replaceAll(own, 'ID');
      expect(foreign.status).toBe(absent.status);
      expect(text(foreign, id)).toBe(text(absent, unknown(id)));
      return foreign;
    };
    const { vpcId, vpnGatewayId, customerGatewayId } = owner;
    for (const [folder, id] of [
      ['vpn-gateways', vpnGatewayId],
      ['customer-gateways', customerGatewayId],
      ['vpn-connections', connection],
    ] as const) {
      for (const [method, body] of [['GET'], ['PATCH', { name: 'mine' }], ['DELETE']] as const) {
        expect((await alike((one) => call(method, `/v1/${folder}/${one}`, body), id)).status).toBe(404);
      }
    }
    const gateways = `/v1/vpn-gateways/${stranger.vpnGatewayId}`;
    const own = stranger.call;
    for (const verb of ['attach', 'detach']) {
      expect(
        (await alike((id) => call('POST', `/v1/vpn-gateways/${id}/${verb}`, { vpcId }), vpnGatewayId)).status,
      ).toBe(404);
      const inBody = await alike((id) => own('POST', `${gateways}/${verb}`, { vpcId: id }), vpcId);
      expect(inBody.status).toBe(verb === 'attach' ? 400 : 409);
    }
    await alike((id) => call('POST', `/v1/vpn-connections/${id}/customer-configuration`), connection);
    expect((await alike((id) => own('POST', '/v1/vpn-gateways', { vpcId: id }), vpcId)).status).toBe(400);
    expect((await alike((id) => stranger.connect({ vpnGatewayId: id }), vpnGatewayId)).status).toBe(400);
    expect((await alike((id) => stranger.connect({ customerGatewayId: id }), customerGatewayId)).status).toBe(400);
    for (const filter of [`vpcId=${vpcId}`, `vpnGatewayId=${vpnGatewayId}`, `customerGatewayId=${customerGatewayId}`]) {
      expect((await own('GET', `/v1/vpn-connections?${filter}`)).body.items).toEqual([]);
    }
    expect((await own('GET', `/v1/vpn-gateways?vpcId=${vpcId}`)).body.items).toEqual([]);
    expect(await ledgerOf(connection)).toHaveLength(1);
  });
});
