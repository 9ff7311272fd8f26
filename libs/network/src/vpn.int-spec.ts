import { generateKeyPairSync } from 'node:crypto';
import { Test, type TestingModule } from '@nestjs/testing';
import pg from 'pg';
import { DatabaseModule, SystemUnitOfWork } from '#database';
import { newId } from '#kernel';
import { startTestApi, type TestApi, type TestReply } from '../../../test/support/test-api.js';
import { until } from '../../../test/support/until.js';
import { VpcIntentQuery } from './app/vpc-intent.query.js';
import { VpcRealization } from './app/vpc-realization.js';
import { NetworkIntentModule } from './network-intent.module.js';

let api: TestApi;
let worker: TestingModule;
const open: pg.Client[] = [];

beforeAll(async () => {
  api = await startTestApi();
  const url = api.database.urls.freehold_system;
  worker = await Test.createTestingModule({
    imports: [DatabaseModule.forRoot({ url, role: 'system', applicationName: 'test' }), NetworkIntentModule],
  }).compile();
});
afterEach(async () => {
  for (const client of open.splice(0)) await client.end();
});
afterAll(async () => {
  await worker?.close();
  await api?.close();
});

const wireguardKey = () =>
  generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');

function created({ status, body }: TestReply): string {
  if (status !== 201) throw new Error(`not created: ${JSON.stringify(body)}`);
  return body.id as string;
}

let hostNumber = 0;
async function registerHost(firstPort = 51_820): Promise<string> {
  hostNumber += 1;
  const endpoint = `vpn${hostNumber}.example.net:${firstPort}`;
  const body = { name: `host ${hostNumber}`, wireguardPublicKey: wireguardKey(), endpoint };
  return created(await api.operator('POST', '/v1/system/gateway-hosts', body));
}

const connectionsOn = async (hostId: string) =>
  (await api.operator('GET', `/v1/system/gateway-hosts/${hostId}`)).body.connections as number;

/** A tenant with a gateway in a VPC, allowed any number of connections. */
async function office() {
  const { id: tenantId, call } = await api.tenant();
  await api.operator('PUT', `/v1/system/tenants/${tenantId}/quotas/vpn-connections-per-gateway`, { allowed: 1000 });
  const vpcId = created(await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }));
  const vpnGatewayId = created(await call('POST', '/v1/vpn-gateways', { vpcId }));
  const customer = { address: '198.51.100.7', wireguardPublicKey: wireguardKey() };
  const customerGatewayId = created(await call('POST', '/v1/customer-gateways', customer));
  const connect = (n: number, body: object = {}) =>
    call('POST', '/v1/vpn-connections', {
      vpnGatewayId,
      customerGatewayId,
      remotePrefixes: [`172.16.${n}.0/24`],
      ...body,
    });
  return { tenantId, call, vpcId, vpnGatewayId, customerGatewayId, connect };
}

async function client(url: string): Promise<pg.Client> {
  const connected = new pg.Client({ connectionString: url });
  await connected.connect();
  open.push(connected);
  return connected;
}

/** The api role as one tenant, with nothing of ours between it and the database. */
async function apiRole(tenantId: string): Promise<pg.Client> {
  const connected = await client(api.database.urls.freehold_api);
  await connected.query("SELECT set_config('app.tenant', $1, false)", [tenantId]);
  return connected;
}

const realize = (vpcId: string) =>
  worker.get(SystemUnitOfWork).run(async (tx) => {
    const [row] = await tx.query<{ generation: string }>('SELECT generation FROM vpc WHERE id = $1', [vpcId]);
    await worker.get(VpcRealization).realized(tx, vpcId, Number(row!.generation));
  });

async function untilApiWaits(what: string): Promise<void> {
  const watcher = await client(api.database.adminUrl);
  await until(what, async () => {
    const { rows } = await watcher.query(
      `SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'freehold-api' AND wait_event_type = 'Lock'`,
    );
    return rows.length > 0;
  });
}

const statuses = (replies: TestReply[]) => replies.map(({ status, body }) => body.code ?? status).sort();

describe('at the same time', () => {
  beforeAll(() => registerHost());

  it('forty ask for one tunnel block: one gets it, the others are told, and nothing deadlocks', async () => {
    const { connect } = await office();
    const replies = await Promise.all(
      Array.from({ length: 40 }, (_, n) => connect(n, { tunnelBlock: '169.254.77.0/30' })),
    );
    expect(statuses(replies)).toEqual([201, ...Array(39).fill('TunnelBlockTaken')]);
  });

  it('forty ask for one prefix: one gets it', async () => {
    const { connect } = await office();
    const replies = await Promise.all(Array.from({ length: 40 }, () => connect(1)));
    expect(statuses(replies)).toEqual([201, ...Array(39).fill('RemotePrefixTaken')]);
  });

  it('tenants get blocks that differ in a gateway, ports that differ on a host, and hosts with equal loads', async () => {
    const hosts = [await registerHost(), await registerHost()];
    const offices = await Promise.all([office(), office(), office()]);
    const replies = await Promise.all(
      Array.from({ length: 48 }, (_, n) => offices[n % offices.length]!.connect(Math.floor(n / offices.length))),
    );
    expect(statuses(replies)).toEqual(Array(48).fill(201));
    for (const { vpnGatewayId } of offices) {
      const blocks = replies
        .filter(({ body }) => body.vpnGatewayId === vpnGatewayId)
        .map(({ body }) => body.tunnelBlock);
      expect(new Set(blocks).size).toBe(16);
    }
    expect(new Set(replies.map(({ body }) => body.gatewayEndpoint)).size).toBe(48);
    const loads = await Promise.all(hosts.map(connectionsOn));
    expect(Math.abs(loads[0]! - loads[1]!)).toBeLessThanOrEqual(1);
  });

  it('two gateways are attached to one VPC, and one gateway to two: one wins', async () => {
    const { call } = await api.tenant();
    const vpcIds: string[] = [];
    const gatewayIds: string[] = [];
    for (let n = 0; n < 2; n += 1) {
      vpcIds.push(created(await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' })));
      gatewayIds.push(created(await call('POST', '/v1/vpn-gateways', {})));
    }
    const attach = (gateway: string, vpcId: string) => call('POST', `/v1/vpn-gateways/${gateway}/attach`, { vpcId });
    const one = await Promise.all(gatewayIds.map((gateway) => attach(gateway, vpcIds[0]!)));
    expect(statuses(one)).toEqual([200, 'VpcHasVpnGateway']);
    const loose = gatewayIds.find((_gateway, index) => one[index]!.status !== 200)!;
    const third = created(await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }));
    const two = await Promise.all([vpcIds[1]!, third].map((vpcId) => attach(loose, vpcId)));
    expect(statuses(two)).toEqual([200, 'GatewayAttached']);
  });

  it('a connection is made and what it needs is taken away: never both', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { connect, call, vpnGatewayId, vpcId, customerGatewayId } = await office();
      const [made, detached, deleted] = await Promise.all([
        connect(1),
        call('POST', `/v1/vpn-gateways/${vpnGatewayId}/detach`, { vpcId }),
        call('DELETE', `/v1/customer-gateways/${customerGatewayId}`),
      ]);
      expect(made.status === 201 && (detached.status === 200 || deleted.status === 200)).toBe(false);
      for (const reply of [made, detached, deleted]) expect(reply.status).toBeLessThan(500);
    }
  });
});

describe('the database itself', () => {
  it('refuses references across tenants, and shows nothing of another tenant', async () => {
    const mine = await office();
    const other = await office();
    const foreign = created(await other.connect(1));
    const own = created(await mine.connect(1));
    const db = await apiRole(mine.tenantId);
    const insert = (columns: Record<string, unknown>) => {
      const row = {
        tenant_id: mine.tenantId,
        id: newId('vpnConnection'),
        vpc_id: mine.vpcId,
        vpn_gateway_id: mine.vpnGatewayId,
        customer_gateway_id: mine.customerGatewayId,
        tunnel_block: '169.254.90.0/30',
        sealed_preshared_key: Buffer.alloc(1),
        changed_generation: 1,
        ...columns,
      };
      const names = Object.keys(row);
      return db.query(
        `INSERT INTO vpn_connection (${names.join(', ')}) VALUES (${names.map((_, n) => `$${n + 1}`).join(', ')})`,
        Object.values(row),
      );
    };
    const violation = (constraint: string) => expect.objectContaining({ constraint });
    const hidden = expect.objectContaining({ code: '42501' });
    const onFk = (name: string) => violation(`vpn_connection_${name}_fk`);
    const elsewhere = created(await mine.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }));
    await expect(insert({ vpc_id: elsewhere })).rejects.toEqual(onFk('vpn_gateway'));
    await expect(insert({ vpc_id: other.vpcId, vpn_gateway_id: other.vpnGatewayId })).rejects.toEqual(onFk('vpc'));
    await expect(insert({ vpn_gateway_id: other.vpnGatewayId })).rejects.toEqual(onFk('vpn_gateway'));
    await expect(insert({ customer_gateway_id: other.customerGatewayId })).rejects.toEqual(onFk('customer_gateway'));
    await expect(insert({ tenant_id: other.tenantId })).rejects.toEqual(hidden);
    const prefix = (tenantId: string, gateway: string, connection: string) =>
      db.query(
        `INSERT INTO vpn_connection_prefix (tenant_id, vpn_gateway_id, vpn_connection_id, destination)
         VALUES ($1, $2, $3, '192.168.0.0/24')`,
        [tenantId, gateway, connection],
      );
    const prefixFk = violation('vpn_connection_prefix_connection_fk');
    await expect(prefix(mine.tenantId, mine.vpnGatewayId, foreign)).rejects.toEqual(prefixFk);
    await expect(prefix(mine.tenantId, other.vpnGatewayId, own)).rejects.toEqual(prefixFk);
    await expect(prefix(other.tenantId, other.vpnGatewayId, foreign)).rejects.toEqual(hidden);
    const host = await registerHost();
    const endpoint = db.query(
      'INSERT INTO vpn_endpoint (tenant_id, vpn_connection_id, gateway_host_id, listen_port) VALUES ($1, $2, $3, 1)',
      [mine.tenantId, own, host],
    );
    await expect(endpoint).rejects.toEqual(hidden);
    await expect(db.query('UPDATE vpn_endpoint SET listen_port = 1')).rejects.toEqual(hidden);
    await expect(db.query('DELETE FROM vpn_endpoint')).rejects.toEqual(hidden);
    const customer = db.query(
      "INSERT INTO customer_gateway (tenant_id, id, address, asn) VALUES ($1, $2, '198.51.100.7', 1)",
      [other.tenantId, newId('customerGateway')],
    );
    await expect(customer).rejects.toEqual(hidden);
    for (const table of ['customer_gateway', 'vpn_connection', 'vpn_connection_prefix', 'vpn_endpoint']) {
      const seen = (await db.query(`SELECT DISTINCT tenant_id FROM ${table}`)).rows;
      expect([table, seen]).toEqual([table, [{ tenant_id: mine.tenantId }]]);
      const reached = await db
        .query(`SELECT 1 FROM ${table} WHERE tenant_id = $1 FOR UPDATE`, [other.tenantId])
        .catch((error: { code: string }) => error);
      if ('rows' in reached) expect([table, reached.rows]).toEqual([table, []]);
      else expect([table, reached.code]).toEqual([table, '42501']);
    }
    expect((await db.query('SELECT 1 FROM gateway_host')).rows).toEqual([]);
    const registering = db.query(
      `INSERT INTO gateway_host (tenant_id, id, name, name_folded, wireguard_public_key, endpoint_host, first_port)
       VALUES ($1, $2, 'x', 'x', $3, 'x', 1)`,
      [mine.tenantId, newId('gatewayHost'), wireguardKey()],
    );
    await expect(registering).rejects.toEqual(violation('gateway_host_tenant_id_check'));
  });

  it('tells across tenants by its named functions only what each may know', async () => {
    const mine = await office();
    const other = await office();
    const foreign = created(await other.connect(1));
    const db = await apiRole(mine.tenantId);
    expect((await db.query('SELECT * FROM crosstenant.vpn_endpoints_of($1)', [[foreign]])).rows).toEqual([]);
    const hosts = await client(api.database.adminUrl);
    const ids = (await hosts.query('SELECT id FROM gateway_host')).rows.map(({ id }) => id);
    expect((await db.query('SELECT * FROM crosstenant.gateway_host_connections($1)', [ids])).rows).toEqual([]);
    await expect(db.query('SELECT * FROM crosstenant.assign_gateway_host($1)', [foreign])).rejects.toEqual(
      expect.objectContaining({ constraint: 'vpn_endpoint_connection_fk' }),
    );
    const nobody = await client(api.database.urls.freehold_api);
    await expect(nobody.query('SELECT * FROM crosstenant.assign_gateway_host($1)', [foreign])).rejects.toEqual(
      expect.objectContaining({ code: '42501' }),
    );
  });

  it('keeps a gateway in its VPC while connections are there, and tunnel blocks apart, whatever the code does', async () => {
    const { tenantId, vpcId, vpnGatewayId, customerGatewayId, connect } = await office();
    const { tunnelBlock } = (await connect(1)).body;
    const db = await apiRole(tenantId);
    await expect(db.query('UPDATE vpn_gateway SET vpc_id = NULL WHERE id = $1', [vpnGatewayId])).rejects.toEqual(
      expect.objectContaining({ constraint: 'vpn_connection_vpn_gateway_fk' }),
    );
    for (const block of [tunnelBlock, '169.254.0.0/16', '10.9.0.0/30']) {
      const insert = db.query(
        `INSERT INTO vpn_connection (tenant_id, id, vpc_id, vpn_gateway_id, customer_gateway_id, tunnel_block,
                                     sealed_preshared_key, changed_generation)
         VALUES ($1, $2, $3, $4, $5, $6, '', 1)`,
        [tenantId, newId('vpnConnection'), vpcId, vpnGatewayId, customerGatewayId, block],
      );
      const constraint =
        block === tunnelBlock ? 'vpn_connection_tunnel_no_overlap' : 'vpn_connection_tunnel_block_check';
      await expect(insert).rejects.toEqual(expect.objectContaining({ constraint }));
    }
  });
});

describe('what the data plane is told, and tells', () => {
  it('the intent has the gateway and its live connections', async () => {
    const { call, vpcId, vpnGatewayId, customerGatewayId, connect } = await office();
    const first = created(await connect(1, { remotePrefixes: ['192.168.0.0/24', '172.16.0.0/16'] }));
    const second = created(await connect(2, { remotePrefixes: ['172.17.0.0/16'] }));
    await call('DELETE', `/v1/vpn-connections/${second}`);
    const intent = await worker.get(SystemUnitOfWork).run((tx) => worker.get(VpcIntentQuery).read(tx, vpcId));
    expect(intent).toMatchObject({ vpnGateway: { id: vpnGatewayId } });
    expect(intent!.vpnConnections).toEqual([
      {
        id: first,
        customerGatewayId,
        remotePrefixes: ['172.16.0.0/16', '192.168.0.0/24'],
        tunnelBlock: '169.254.0.4/30',
        insideAddress: '169.254.0.5',
        customerInsideAddress: '169.254.0.6',
      },
    ]);
  });

  it('states follow the realisation; a deleted connection holds its block and port until it is realised', async () => {
    const host = await registerHost();
    const { call, vpcId, vpnGatewayId, customerGatewayId, connect } = await office();
    const id = created(await connect(1, { tags: { a: 'b' } }));
    const path = `/v1/vpn-connections/${id}`;
    expect((await call('GET', path)).body.state).toBe('pending');
    await realize(vpcId);
    expect((await call('GET', path)).body.state).toBe('available');
    expect((await call('GET', `/v1/vpn-gateways/${vpnGatewayId}`)).body.state).toBe('available');
    expect(await connectionsOn(host)).toBe(1);

    await call('DELETE', path);
    expect((await call('GET', path)).body.state).toBe('deleting');
    const next = (await connect(1)).body;
    expect(next.tunnelBlock).toBe('169.254.0.8/30');
    expect((await connect(2, { tunnelBlock: '169.254.0.4/30' })).body.code).toBe('TunnelBlockTaken');
    expect(await connectionsOn(host)).toBeGreaterThanOrEqual(1);
    await call('DELETE', `/v1/vpn-connections/${next.id}`);
    await call('POST', `/v1/vpn-gateways/${vpnGatewayId}/detach`, { vpcId });
    await call('DELETE', `/v1/vpn-gateways/${vpnGatewayId}`);
    await call('DELETE', `/v1/customer-gateways/${customerGatewayId}`);
    for (const gone of [`vpn-gateways/${vpnGatewayId}`, `customer-gateways/${customerGatewayId}`]) {
      expect((await call('GET', `/v1/${gone}`)).body.state).toBe('deleting');
    }
    await realize(vpcId);
    for (const gone of [`vpn-gateways/${vpnGatewayId}`, `customer-gateways/${customerGatewayId}`]) {
      expect((await call('GET', `/v1/${gone}`)).status).toBe(404);
    }
    expect((await call('GET', path)).status).toBe(404);
    expect(await connectionsOn(host)).toBe(0);
    const db = await client(api.database.adminUrl);
    expect((await db.query('SELECT 1 FROM resource_tag WHERE resource_id = $1', [id])).rows).toEqual([]);
    expect((await api.operator('DELETE', `/v1/system/gateway-hosts/${host}`)).status).toBe(200);
    expect((await call('DELETE', `/v1/vpcs/${vpcId}`)).status).toBe(200);
    await realize(vpcId);
    expect((await call('GET', `/v1/vpcs/${vpcId}`)).status).toBe(404);
  });

  it('a customer gateway that is deleted while its last connection is being purged goes with it', async () => {
    const { call, vpcId, customerGatewayId, connect } = await office();
    const id = created(await connect(1));
    await call('DELETE', `/v1/vpn-connections/${id}`);
    const db = await client(api.database.urls.freehold_system);
    await db.query('BEGIN');
    await db.query('DELETE FROM vpn_connection WHERE id = $1', [id]);
    const deletion = call('DELETE', `/v1/customer-gateways/${customerGatewayId}`);
    await untilApiWaits('the deletion waits for the purge');
    await db.query('COMMIT');
    expect((await deletion).status).toBe(200);
    expect((await call('GET', `/v1/customer-gateways/${customerGatewayId}`)).status).toBe(404);
    await realize(vpcId);
  });
});

describe('a customer gateway that is being deleted', () => {
  it('takes no connection that is asked for at the same time', async () => {
    const { customerGatewayId, connect } = await office();
    const db = await client(api.database.urls.freehold_system);
    await db.query('BEGIN');
    await db.query('UPDATE customer_gateway SET deleting = true WHERE id = $1', [customerGatewayId]);
    const connecting = connect(1);
    await untilApiWaits('the connection waits for the deletion');
    await db.query('COMMIT');
    expect((await connecting).body.code).toBe('Deleting');
  });
});

describe('hosts that are full', () => {
  it('take no further connection, and the operator is told', async () => {
    const { body } = await api.operator('GET', '/v1/system/gateway-hosts');
    const db = await client(api.database.urls.freehold_system);
    // Every port of every other host is taken: ranges that have shrunk to the last port there is.
    await db.query('DELETE FROM vpn_endpoint');
    for (const { id } of body.items) await api.operator('DELETE', `/v1/system/gateway-hosts/${id}`);
    const host = await registerHost(65_534);
    const { connect } = await office();
    const endpoints = [(await connect(1)).body.gatewayEndpoint, (await connect(2)).body.gatewayEndpoint];
    expect(endpoints.map((endpoint) => endpoint.split(':')[1])).toEqual(['65534', '65535']);
    const refused = await connect(3);
    expect([refused.status, refused.body.code]).toEqual([409, 'NoGatewayHost']);
    expect(refused.body.detail).toContain('full');
    expect(await connectionsOn(host)).toBe(2);
    await registerHost();
    expect((await connect(3)).status).toBe(201);
  });
});
