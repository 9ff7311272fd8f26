import { randomBytes } from 'node:crypto';
import { LedgerStateSources } from '#ledger';
import type { HistoryReport } from '#proof';
import { NetworkFixture, succeeded, type WholeNetwork } from '../../libs/network/src/testing/network-fixture.js';
import { type LogBeside, logBeside } from '../support/api-with-log.js';
import { RequestSigner } from '../support/request-signer.js';
import type { Caller } from '../support/test-api.js';

let fixture: NetworkFixture;
let log: LogBeside;
let operatorKey: string;

beforeAll(async () => {
  fixture = await NetworkFixture.start();
  log = await logBeside(fixture.api);
  await fixture.pool('public', '203.0.113.0/24');
  await fixture.gatewayHost('host-1');
  const user = (await fixture.api.operator('GET', '/v1/users')).body.items[0].id;
  operatorKey = succeeded(await fixture.api.operator('POST', '/v1/api-keys', { userId: user, name: 'audit' })).apiKey;
});
afterAll(async () => {
  await log?.closeLog();
  await fixture?.close();
});

/** A new tenant with one of everything, and what its auditor needs. */
async function wholeNetwork(): Promise<AuditedNetwork> {
  const { id, call, apiKey, viewKey } = await fixture.api.tenant();
  return { ...(await fixture.wholeNetwork({ id, call })), apiKey, viewKey };
}

type AuditedNetwork = WholeNetwork & { apiKey: string; viewKey: Uint8Array };

const auditOf = (tenant: { apiKey: string; viewKey: Uint8Array }) => log.audit(tenant);

/** A clean report: the entries and the rows tell one story. */
function expectOneStory(report: HistoryReport): void {
  const { ok, breaks, differences, unsigned, unexplainedErasures, firstBad } = report;
  expect({ firstBad, breaks, differences, unsigned, unexplainedErasures }).toEqual({
    firstBad: null,
    breaks: [],
    differences: [],
    unsigned: [],
    unexplainedErasures: [],
  });
  expect(ok).toBe(true);
  expect(report.compared).toBe(report.resources);
}

async function followFixes(call: Caller, path: string): Promise<void> {
  for (;;) {
    const reply = await call('DELETE', path);
    if (reply.status < 300) return;
    const [first] = reply.body.blockers as { fix: string }[];
    const [method, fixPath, ...body] = first!.fix.split(' ');
    succeeded(await call(method!, fixPath!, body.length > 0 ? JSON.parse(body.join(' ')) : undefined));
  }
}

/** Everything that can be done to a network, after it was built. */
async function liveWith(network: WholeNetwork): Promise<void> {
  const { call, vpcId, routeTableId, mainRouteTableId, vpnGatewayId, vpnConnectionId } = network;
  const done = async (method: string, path: string, body?: object) => succeeded(await call(method, path, body));
  await done('PATCH', `/v1/vpcs/${vpcId}`, { name: 'näme', tags: { b: '2', a: '1', 'a/b~c': 'x' } });
  await done('PATCH', `/v1/subnets/${network.publicSubnetId}`, { name: null, tags: { tier: 'public' } });
  for (const [kind, id] of [
    ['internet-gateways', network.internetGatewayId],
    ['nat-gateways', network.natGatewayId],
    ['elastic-ips', network.elasticIpId],
    ['vpn-gateways', vpnGatewayId],
    ['customer-gateways', network.customerGatewayId],
    ['vpn-connections', vpnConnectionId],
    ['route-tables', routeTableId],
  ]) {
    await done('PATCH', `/v1/${kind}/${id}`, { name: `the ${kind}`, tags: { kind: kind! } });
  }
  await done('PATCH', `/v1/vpn-connections/${vpnConnectionId}`, { remotePrefixes: ['172.20.0.0/16', '172.17.0.0/16'] });
  await done('POST', `/v1/vpn-connections/${vpnConnectionId}/customer-configuration`);
  const routes = `/v1/route-tables/${routeTableId}/routes`;
  const { natGatewayId, internetGatewayId } = network;
  await done('PUT', routes, { destinationCidrBlock: '192.168.0.0/16', natGatewayId });
  await done('DELETE', `${routes}?destinationCidrBlock=${encodeURIComponent('::/0')}`);
  await done('POST', routes, { destinationCidrBlock: '::/0', internetGatewayId });
  await done('POST', `/v1/route-tables/${routeTableId}/propagations`, { vpnGatewayId });
  await done('PUT', `/v1/vpcs/${vpcId}/main-route-table`, { routeTableId });
  await done('PUT', `/v1/vpcs/${vpcId}/main-route-table`, { routeTableId: mainRouteTableId });
  await done('PUT', `/v1/route-table-associations/${network.associationId}`, { routeTableId: mainRouteTableId });
  const other = await done('POST', '/v1/route-tables', { vpcId, name: 'short-lived' });
  await done('POST', `/v1/route-tables/${other.id}/routes`, { destinationCidrBlock: '8.0.0.0/8', natGatewayId });
  await done('POST', `/v1/route-tables/${other.id}/propagations`, { vpnGatewayId });
  await done('DELETE', `/v1/route-tables/${other.id}`);
  const lost = await done('POST', '/v1/subnets', { vpcId, cidrBlock: '10.1.7.0/24', zone: 'zone-1' });
  await done('POST', `/v1/route-tables/${routeTableId}/associations`, { subnetId: lost.id });
  await done('DELETE', `/v1/subnets/${lost.id}`);
  const block = await done('POST', `/v1/vpcs/${vpcId}/cidr-blocks`, { cidrBlock: '10.9.0.0/16' });
  const { id: blockId } = block.cidrBlocks.find(({ cidrBlock }: { cidrBlock: string }) => cidrBlock === '10.9.0.0/16');
  await done('DELETE', `/v1/vpcs/${vpcId}/cidr-blocks/${blockId}`);
}

/** Users, keys and what the operator does to the tenant. */
async function keepHouse({ call, tenantId }: { call: Caller; tenantId: string }): Promise<void> {
  const user = succeeded(await call('POST', '/v1/users', { name: 'Ada', roles: ['editor'] }));
  succeeded(await call('PATCH', `/v1/users/${user.id}`, { name: 'Ada L.', roles: ['viewer', 'auditor'] }));
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
  const body = { userId: user.id, name: 'k', scopes: ['ledger:read'], expiresAt };
  const key = succeeded(await call('POST', '/v1/api-keys', body));
  succeeded(await call('DELETE', `/v1/api-keys/${key.id}`));
  const leaving = succeeded(await call('POST', '/v1/users', { name: 'Bob', roles: ['viewer'] }));
  const last = succeeded(await call('POST', '/v1/api-keys', { userId: leaving.id, name: 'k' }));
  succeeded(await call('DELETE', `/v1/api-keys/${last.id}`));
  succeeded(await call('DELETE', `/v1/users/${leaving.id}`));
  await fixture.allow(tenantId, 'vpcs', 7);
  await fixture.allow(tenantId, 'vpcs', 8);
  succeeded(await fixture.api.operator('POST', `/v1/system/tenants/${tenantId}/suspend`));
  succeeded(await fixture.api.operator('POST', `/v1/system/tenants/${tenantId}/resume`));
}

describe('a history', () => {
  it('is the story that the rows tell: while things are built, changed, realised, taken down, and after', async () => {
    const network = await wholeNetwork();
    expectOneStory(await auditOf(network));
    await liveWith(network);
    await keepHouse(network);
    expectOneStory(await auditOf(network));
    await fixture.realize(network.vpcId);
    expectOneStory(await auditOf(network));
    await followFixes(network.call, `/v1/vpcs/${network.vpcId}`);
    expectOneStory(await auditOf(network));
    await fixture.realize(network.vpcId);
    const report = await auditOf(network);
    expectOneStory(report);
    expect(report).toMatchObject({ complete: true, erased: 0, later: 0 });
  });

  it("follows the end of a tunnel that the operator moves, in the tenant's chain and in its own", async () => {
    const network = await wholeNetwork();
    const [host] = (await fixture.api.operator('GET', '/v1/system/gateway-hosts')).body.items;
    const { name, wireguardPublicKey } = host;
    const moved = { name, wireguardPublicKey, endpoint: 'elsewhere.example.net:51820' };
    succeeded(await fixture.api.operator('PUT', `/v1/system/gateway-hosts/${host.id}`, moved));
    succeeded(await network.call('PATCH', `/v1/vpn-connections/${network.vpnConnectionId}`, { name: 'after' }));
    expectOneStory(await auditOf(network));
    const { items } = (await network.call('GET', '/v1/ledger/entries?action=vpn-connection.endpoint-moved')).body;
    expect(items).toMatchObject([
      { resource: { id: network.vpnConnectionId }, after: { gatewayEndpoint: expect.stringContaining('elsewhere') } },
    ]);
  });

  it('with signed requests is that of its signers, from the policy on', async () => {
    const tenant = await fixture.api.tenant();
    const signer = new RequestSigner();
    const enrolment = await signer.enrolment(tenant.call, { id: 'root', sign: (text) => tenant.rootKey.sign(text) });
    succeeded(await tenant.call('POST', '/v1/signing-keys', enrolment));
    const signed = signer.caller(fixture.api.url, tenant.call);
    succeeded(await signed('PUT', '/v1/tenant/signature-policy', { mode: 'required', actions: [] }));
    expect((await tenant.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' })).status).toBe(428);
    const vpc = succeeded(await signed('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }));
    succeeded(await signed('PATCH', `/v1/vpcs/${vpc.id}`, { name: 'signed' }));
    await fixture.allow(tenant.id, 'vpcs', 6);
    const report = await auditOf(tenant);
    expectOneStory(report);
    expect(report.signed).toBeGreaterThanOrEqual(4);
  });

  it('is complete for the operator: tenants, quotas, pools, hosts, keys', async () => {
    const gone = await fixture.api.tenant();
    succeeded(await fixture.api.operator('DELETE', `/v1/system/tenants/${gone.id}`));
    succeeded(await fixture.api.operator('POST', '/v1/system/log/keys'));
    const pool = await fixture.pool('short-lived', '198.51.100.0/24');
    succeeded(await fixture.api.operator('DELETE', `/v1/system/address-pools/${pool}`));
    const report = await log.audit({ apiKey: operatorKey });
    expectOneStory(report);
    expect(report.resources).toBeGreaterThan(5);
  });

  it('has a source for the state of every type that an entry was ever about', async () => {
    const recorded = await log.sql<{ type: string; event: boolean }>(
      `SELECT resource_type AS type, bool_and(convert_from(body, 'UTF8')::json ->> 'class' = 'audit') AS event
         FROM ledger_entry WHERE body IS NOT NULL GROUP BY 1 ORDER BY 1`,
    );
    const sources = fixture.api.app.get(LedgerStateSources, { strict: false }).all();
    const known = new Set(sources.flatMap(({ types }) => types));
    expect(recorded.filter(({ type, event }) => !event && !known.has(type))).toEqual([]);
    expect(recorded.length).toBeGreaterThan(18);
  });
});

describe('erased entries', () => {
  it('are said to be so, and may account for what they alone knew', async () => {
    const network = await wholeNetwork();
    const rename = async (name: string) =>
      succeeded(await network.call('PATCH', `/v1/vpcs/${network.vpcId}`, { name })).ledgerEntryId as string;
    const entryId = await rename('to be forgotten');
    const last = await rename('kept');
    await log.sequencer.tick();
    const reason = { scope: 'body', reason: 'a request to be forgotten' };
    succeeded(await network.call('POST', `/v1/ledger/entries/${entryId}/erasures`, reason));
    const report = await auditOf(network);
    expect(report).toMatchObject({ ok: true, erased: 1, differences: [], unexplainedErasures: [] });
    expect(report.breaks).toMatchObject([{ entryId: last, id: network.vpcId, erasureMayExplain: true }]);
    expect(report.steps.find(({ step }) => step === 'erasures')?.detail).toContain('commitments alone');
    // The last change of all, erased: the row may be what it left.
    succeeded(await network.call('POST', `/v1/ledger/entries/${last}/erasures`, reason));
    const after = await auditOf(network);
    expect(after).toMatchObject({ ok: true, erased: 2, breaks: [] });
    expect(after.differences).toMatchObject([{ kind: 'changed', id: network.vpcId, erasureMayExplain: true }]);
  });

  it('without an entry that says so are the work of somebody else', async () => {
    const network = await wholeNetwork();
    const { ledgerEntryId } = succeeded(await network.call('PATCH', `/v1/vpcs/${network.vpcId}`, { name: 'x' }));
    await log.sequencer.tick();
    await log.sql(`ALTER TABLE ledger_entry DISABLE TRIGGER ALL`);
    await log.sql('UPDATE ledger_entry SET body = NULL, body_hash = NULL, salt = NULL, erased_by = id WHERE id = $1', [
      ledgerEntryId,
    ]);
    await log.sql(`ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER refuse_rewrite`);
    const report = await auditOf(network);
    expect(report).toMatchObject({
      ok: false,
      failure: 'invalid',
      firstBad: { step: 'erasures', entryId: ledgerEntryId },
    });
  });
});

/** What a superuser does to one row with every trigger out of the way, and what the audit must say. */
const TAMPERINGS: [string, (network: WholeNetwork) => [sql: string, kind: string, type: string, pointer: string]][] = [
  ['a VPC renamed', ({ vpcId }) => [`UPDATE vpc SET name = 'x' WHERE id = '${vpcId}'`, 'changed', 'vpc', '/name']],
  [
    'the version of a VPC put back',
    ({ vpcId }) => [`UPDATE vpc SET version = 1 WHERE id = '${vpcId}'`, 'changed', 'vpc', '/version'],
  ],
  [
    'a VPC marked as going',
    ({ vpcId }) => [`UPDATE vpc SET deleting = true WHERE id = '${vpcId}'`, 'missing in the database', 'vpc', ''],
  ],
  [
    'a block of a VPC',
    ({ secondaryBlockId }) => [
      `UPDATE vpc_cidr_block SET cidr = '10.2.0.0/16' WHERE id = '${secondaryBlockId}'`,
      'changed',
      'vpc',
      '/cidrBlocks/',
    ],
  ],
  [
    'a block taken away',
    ({ secondaryBlockId }) => [
      `DELETE FROM vpc_cidr_block WHERE id = '${secondaryBlockId}'`,
      'changed',
      'vpc',
      '/cidrBlocks',
    ],
  ],
  [
    'the zone of a subnet',
    ({ publicSubnetId }) => [
      `UPDATE subnet SET zone = 'zone-2' WHERE id = '${publicSubnetId}'`,
      'changed',
      'subnet',
      '/zone',
    ],
  ],
  [
    'a subnet deleted',
    ({ privateSubnetId }) => [
      `DELETE FROM subnet WHERE id = '${privateSubnetId}'`,
      'missing in the database',
      'subnet',
      '',
    ],
  ],
  [
    'a subnet inserted',
    ({ tenantId, vpcId }) => [
      `INSERT INTO subnet (tenant_id, id, vpc_id, zone, cidr, changed_generation) VALUES ('${tenantId}', 'subnet-00000000000000000', '${vpcId}', 'zone-1', '10.0.77.0/24', 1)`,
      'not in the ledger',
      'subnet',
      '',
    ],
  ],
  [
    'where a route leads',
    ({ routeTableId }) => [
      `UPDATE route SET target_id = 'nat-00000000000000000', nat_gateway_id = NULL WHERE route_table_id = '${routeTableId}' AND destination = '0.0.0.0/0'`,
      'changed',
      'route',
      '/target/id',
    ],
  ],
  [
    'a route deleted',
    ({ routeTableId }) => [
      `DELETE FROM route WHERE route_table_id = '${routeTableId}' AND destination = '0.0.0.0/0'`,
      'missing in the database',
      'route',
      '',
    ],
  ],
  [
    'a route inserted',
    ({ tenantId, vpcId, routeTableId, natGatewayId }) => [
      `INSERT INTO route (tenant_id, vpc_id, route_table_id, destination, target_kind, target_id, nat_gateway_id) VALUES ('${tenantId}', '${vpcId}', '${routeTableId}', '9.9.9.9/32', 'nat-gateway', '${natGatewayId}', '${natGatewayId}')`,
      'not in the ledger',
      'route',
      '',
    ],
  ],
  [
    'a propagation deleted',
    ({ routeTableId }) => [
      `DELETE FROM route_propagation WHERE route_table_id = '${routeTableId}'`,
      'missing in the database',
      'route-propagation',
      '',
    ],
  ],
  [
    'a propagation inserted',
    ({ tenantId, vpcId, mainRouteTableId, vpnGatewayId }) => [
      `INSERT INTO route_propagation (tenant_id, vpc_id, route_table_id, vpn_gateway_id) VALUES ('${tenantId}', '${vpcId}', '${mainRouteTableId}', '${vpnGatewayId}')`,
      'not in the ledger',
      'route-propagation',
      '',
    ],
  ],
  [
    'which table is the main one',
    ({ vpcId, routeTableId }) => [
      `UPDATE route_table SET is_main = (id = '${routeTableId}') WHERE vpc_id = '${vpcId}'`,
      'changed',
      'vpc',
      '/mainRouteTableId',
    ],
  ],
  [
    'the name of a route table',
    ({ routeTableId }) => [
      `UPDATE route_table SET name = 'x' WHERE id = '${routeTableId}'`,
      'changed',
      'route-table',
      '/name',
    ],
  ],
  [
    'which table routes a subnet',
    ({ associationId, mainRouteTableId }) => [
      `UPDATE route_table_association SET route_table_id = '${mainRouteTableId}' WHERE id = '${associationId}'`,
      'changed',
      'route-table-association',
      '/routeTableId',
    ],
  ],
  [
    'an internet gateway detached',
    ({ internetGatewayId }) => [
      `UPDATE internet_gateway SET vpc_id = NULL WHERE id = '${internetGatewayId}'`,
      'changed',
      'internet-gateway',
      '/vpcId',
    ],
  ],
  [
    'a NAT gateway deleted',
    ({ natGatewayId }) => [
      `DELETE FROM nat_gateway WHERE id = '${natGatewayId}'`,
      'missing in the database',
      'nat-gateway',
      '',
    ],
  ],
  [
    'the address of a NAT gateway',
    ({ natGatewayId }) => [
      `UPDATE subnet_address SET address = '10.0.0.99' WHERE nat_gateway_id = '${natGatewayId}'`,
      'changed',
      'nat-gateway',
      '/privateAddress',
    ],
  ],
  [
    'an elastic IP',
    ({ elasticIpId }) => [
      `UPDATE elastic_ip SET address = '203.0.113.250' WHERE id = '${elasticIpId}'`,
      'changed',
      'elastic-ip',
      '/address',
    ],
  ],
  [
    'a VPN gateway deleted',
    ({ vpnGatewayId }) => [
      `DELETE FROM vpn_gateway WHERE id = '${vpnGatewayId}'`,
      'missing in the database',
      'vpn-gateway',
      '',
    ],
  ],
  [
    "the key of a customer's gateway",
    ({ customerGatewayId }) => [
      `UPDATE customer_gateway SET wireguard_public_key = repeat('B', 42) || 'A=' WHERE id = '${customerGatewayId}'`,
      'changed',
      'customer-gateway',
      '/wireguardPublicKey',
    ],
  ],
  [
    'what lies behind a connection',
    ({ vpnConnectionId }) => [
      `UPDATE vpn_connection_prefix SET destination = '172.31.0.0/16' WHERE vpn_connection_id = '${vpnConnectionId}'`,
      'changed',
      'vpn-connection',
      '/remotePrefixes/0',
    ],
  ],
  [
    'the end of a tunnel',
    ({ vpnConnectionId }) => [
      `UPDATE vpn_endpoint SET listen_port = 51999 WHERE vpn_connection_id = '${vpnConnectionId}'`,
      'changed',
      'vpn-connection',
      '/gatewayEndpoint',
    ],
  ],
  [
    'the end of a tunnel taken away',
    ({ vpnConnectionId }) => [
      `DELETE FROM vpn_endpoint WHERE vpn_connection_id = '${vpnConnectionId}'`,
      'changed',
      'vpn-connection',
      '/gatewayEndpoint',
    ],
  ],
  [
    'a tag',
    ({ routeTableId }) => [
      `UPDATE resource_tag SET value = 'x' WHERE resource_id = '${routeTableId}'`,
      'changed',
      'route-table',
      '/tags/tier',
    ],
  ],
  [
    'the roles of a user',
    ({ tenantId }) => [
      `UPDATE tenant_user SET roles = '{viewer}' WHERE tenant_id = '${tenantId}'`,
      'changed',
      'user',
      '/roles/0',
    ],
  ],
  [
    'a user inserted',
    ({ tenantId }) => [
      `INSERT INTO tenant_user (tenant_id, id, name, name_folded, roles) VALUES ('${tenantId}', 'usr-0000000000000000f', 'x', 'x', '{tenant-owner}')`,
      'not in the ledger',
      'user',
      '',
    ],
  ],
  [
    'the scopes of a key',
    ({ tenantId }) => [
      `UPDATE api_key SET scopes = '{ledger:read}' WHERE tenant_id = '${tenantId}'`,
      'changed',
      'api-key',
      '/scopes',
    ],
  ],
  [
    'a quota',
    ({ tenantId }) => [
      `UPDATE tenant_quota SET allowed = 99 WHERE tenant_id = '${tenantId}'`,
      'changed',
      'quota',
      '/allowed',
    ],
  ],
  [
    'a quota inserted',
    ({ tenantId }) => [
      `INSERT INTO tenant_quota (tenant_id, quota, allowed) VALUES ('${tenantId}', 'users', 99)`,
      'not in the ledger',
      'quota',
      '',
    ],
  ],
  [
    "the tenant's root key",
    ({ tenantId }) => [
      `UPDATE tenant SET root_public_key = sha256('x') WHERE id = '${tenantId}'`,
      'changed',
      'tenant',
      '/rootPublicKey',
    ],
  ],
  [
    'a policy inserted',
    ({ tenantId }) => [
      `INSERT INTO signature_policy (tenant_id, required, actions, version) VALUES ('${tenantId}', false, '{}', 1)`,
      'not in the ledger',
      'signature-policy',
      '',
    ],
  ],
  [
    'a signing key inserted',
    ({ tenantId }) => [
      `INSERT INTO signing_key (tenant_id, id, user_id, name, public_key, signature, possession) VALUES ('${tenantId}', 'sgk-0000000000000000f', 'usr-0000000000000000f', 'x', sha256('x'), sha512('x'), sha512('x'))`,
      'not in the ledger',
      'signing-key',
      '',
    ],
  ],
];

describe('a row that a superuser touched', () => {
  let network: AuditedNetwork;
  beforeAll(async () => {
    network = await wholeNetwork();
    await fixture.allow(network.tenantId, 'vpcs', 9);
    expectOneStory(await auditOf(network));
  });

  it.each(TAMPERINGS)('is named with its last entry: %s', async (_what, tamper) => {
    const [sql, kind, type, pointer] = tamper(network);
    await log.sql('BEGIN');
    await log.sql('SET LOCAL session_replication_role = replica');
    const saved = await saveTables();
    await log.sql(sql);
    await log.sql('COMMIT');
    try {
      const report = await auditOf(network);
      expect(report).toMatchObject({ ok: false, failure: 'invalid', firstBad: { step: 'state' } });
      const found = report.differences.find((one) => one.kind === kind && one.type === type);
      expect({ sql, differences: report.differences, found }).toMatchObject({
        found: { erasureMayExplain: false },
      });
      expect(found?.fields.some((field) => field.pointer.startsWith(pointer))).toBe(true);
      const known = kind === 'not in the ledger' ? null : expect.stringMatching(/^led-/);
      expect(found).toMatchObject({ entryId: known });
    } finally {
      await restoreTables(saved);
    }
  });

  const TABLES = [
    'vpc',
    'vpc_cidr_block',
    'subnet',
    'route',
    'route_propagation',
    'route_table',
    'route_table_association',
    'internet_gateway',
    'nat_gateway',
    'subnet_address',
    'elastic_ip',
    'vpn_gateway',
    'customer_gateway',
    'vpn_connection_prefix',
    'vpn_endpoint',
    'resource_tag',
    'tenant_user',
    'api_key',
    'tenant_quota',
    'tenant',
    'signature_policy',
    'signing_key',
  ];

  async function saveTables(): Promise<string> {
    const suffix = randomBytes(4).toString('hex');
    for (const table of TABLES) await log.sql(`CREATE TABLE kept_${suffix}_${table} AS TABLE ${table}`);
    return suffix;
  }

  async function restoreTables(suffix: string): Promise<void> {
    await log.sql('BEGIN');
    await log.sql('SET LOCAL session_replication_role = replica');
    for (const table of TABLES) {
      if (table === 'signing_key') await log.sql(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
      await log.sql(`DELETE FROM ${table}`);
      const columns = await log.sql<{ name: string }>(
        `SELECT quote_ident(attname) AS name FROM pg_attribute WHERE attrelid = '${table}'::regclass
            AND attnum > 0 AND NOT attisdropped AND attgenerated = ''`,
      );
      const names = columns.map(({ name }) => name).join(', ');
      await log.sql(`INSERT INTO ${table} (${names}) SELECT ${names} FROM kept_${suffix}_${table}`);
      await log.sql(`DROP TABLE kept_${suffix}_${table}`);
    }
    await log.sql('COMMIT');
  }
});
