import { randomBytes } from 'node:crypto';
import { NetworkFixture, type WholeNetwork } from '../../libs/network/src/testing/network-fixture.js';
import { type LogBeside, logBeside } from '../support/api-with-log.js';

let fixture: NetworkFixture;
let log: LogBeside;

beforeAll(async () => {
  fixture = await NetworkFixture.start();
  log = await logBeside(fixture.api);
  await fixture.pool('public', '203.0.113.0/24');
  await fixture.gatewayHost('host-1');
});
afterAll(async () => {
  await log?.closeLog();
  await fixture?.close();
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
      `UPDATE route_table SET is_main = false WHERE vpc_id = '${vpcId}'; UPDATE route_table SET is_main = true WHERE id = '${routeTableId}'`,
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
  let network: WholeNetwork;
  let audit: () => ReturnType<LogBeside['audit']>;
  beforeAll(async () => {
    const { id, call, ...auditor } = await fixture.api.tenant();
    network = await fixture.wholeNetwork({ id, call });
    await fixture.allow(network.tenantId, 'vpcs', 9);
    audit = () => log.audit(auditor);
  });
  afterEach(async () => {
    expect(await audit()).toMatchObject({ ok: true, differences: [] });
  });

  it.each(TAMPERINGS)('is named with its last entry: %s', async (_what, tamper) => {
    const [sql, kind, type, pointer] = tamper(network);
    const saved = await saveTables();
    try {
      await log.sql(`SET session_replication_role = replica; ${sql}; SET session_replication_role = origin`);
      const report = await audit();
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
