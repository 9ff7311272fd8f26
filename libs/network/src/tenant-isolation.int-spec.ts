import type pg from 'pg';
import { NetworkFixture, type WholeNetwork } from './testing/network-fixture.js';

/** Tables of tenants' networks; the operator's own (pools, gateway hosts) are below. */
const TABLES = [
  'vpc',
  'vpc_cidr_block',
  'subnet',
  'route_table',
  'route_table_association',
  'route',
  'route_propagation',
  'internet_gateway',
  'nat_gateway',
  'subnet_address',
  'elastic_ip',
  'vpn_gateway',
  'customer_gateway',
  'vpn_connection',
  'vpn_connection_prefix',
  'vpn_endpoint',
];
const OPERATOR_TABLES = ['address_pool', 'gateway_host'];

interface ForeignKey {
  table: string;
  name: string;
  columns: string[];
  target: string;
  targetColumns: string[];
  cascades: boolean;
}

let fixture: NetworkFixture;
let victim: WholeNetwork;
let attacker: WholeNetwork;
let foreignKeys: ForeignKey[];
let admin: pg.Client;
let role: pg.Client;

beforeAll(async () => {
  fixture = await NetworkFixture.start();
  await fixture.pool('public', '203.0.113.0/24');
  await fixture.gatewayHost('gateway');
  victim = await fixture.wholeNetwork();
  attacker = await fixture.wholeNetwork();
  admin = await fixture.client(fixture.api.database.adminUrl);
  role = await fixture.apiRole(attacker.tenantId);
  const { rows } = await admin.query(`
    SELECT c.conrelid::regclass::text AS table, c.conname AS name, c.confrelid::regclass::text AS target,
           c.confdeltype = 'c' AS cascades,
           array(SELECT attname::text FROM unnest(c.conkey) WITH ORDINALITY k (n, o)
                   JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY o) AS columns,
           array(SELECT attname::text FROM unnest(c.confkey) WITH ORDINALITY k (n, o)
                   JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY o) AS "targetColumns"
      FROM pg_constraint c WHERE c.contype = 'f' ORDER BY 1, 2`);
  foreignKeys = rows;
});
afterAll(() => fixture.close());

/** The SQLSTATE of a refusal; rolled back whatever happens. */
async function refusal(sql: string, params: unknown[] = []): Promise<string | null> {
  await role.query('BEGIN');
  try {
    const { rowCount } = await role.query(sql, params);
    await role.query('SET CONSTRAINTS ALL IMMEDIATE');
    return rowCount === 0 ? 'no row' : null;
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await role.query('ROLLBACK');
  }
}

async function rowOf(table: string, tenantId: string): Promise<Record<string, unknown>> {
  const { rows } = await admin.query(`SELECT * FROM ${table} WHERE tenant_id = $1 LIMIT 1`, [tenantId]);
  if (!rows[0]) throw new Error(`the fixture leaves ${table} empty`);
  return rows[0];
}

const FOREIGN_KEY = '23503';
const PRIVILEGE = '42501';

describe('the database itself, to the api role with plain SQL', () => {
  it('has no table of a VPC that this test does not know, but for those of other features, which go with the VPC', () => {
    const reached = new Set(['vpc', 'elastic_ip', 'customer_gateway']);
    for (let known = 0; known < reached.size; ) {
      known = reached.size;
      for (const key of foreignKeys) if (reached.has(key.target)) reached.add(key.table);
    }
    expect([...reached]).toEqual(expect.arrayContaining(TABLES));
    const others = foreignKeys.filter(({ table, target }) => reached.has(target) && !TABLES.includes(table));
    expect(others.filter(({ cascades }) => !cascades).map(({ name }) => name)).toEqual([]);
  });

  it.each(TABLES)('%s shows, changes and takes no row of another tenant', async (table) => {
    await rowOf(table, victim.tenantId);
    const { rows } = await role.query(`SELECT DISTINCT tenant_id FROM ${table}`);
    expect(rows).toEqual([{ tenant_id: attacker.tenantId }]);
    const mine = await rowOf(table, attacker.tenantId);
    const [column] = Object.keys(mine).filter((name) => name !== 'tenant_id');
    expect(await refusal(`DELETE FROM ${table} WHERE tenant_id = $1`, [victim.tenantId])).toMatch(/no row|42501/);
    expect(await refusal(`UPDATE ${table} SET ${column} = ${column} WHERE tenant_id = $1`, [victim.tenantId])).toMatch(
      /no row|42501/,
    );
    const moved = await refusal(`UPDATE ${table} SET tenant_id = $1 WHERE tenant_id = $2`, [
      victim.tenantId,
      attacker.tenantId,
    ]);
    expect(moved).toBe(PRIVILEGE);
    const stolen = await refusal(
      `INSERT INTO ${table} SELECT (jsonb_populate_record(NULL::${table}, to_jsonb(own) || jsonb_build_object('tenant_id', $1::text))).*
         FROM ${table} own LIMIT 1`,
      [victim.tenantId],
    );
    // A generated column cannot be inserted, and what no tenant may insert is refused before its policy is asked.
    expect(stolen).toBe(PRIVILEGE);
  });

  it('has the tenant in every foreign key between tables of tenants', async () => {
    const { rows } = await admin.query<{ table: string }>(
      "SELECT attrelid::regclass::text AS table FROM pg_attribute WHERE attname = 'tenant_id' AND NOT attisdropped",
    );
    const owned = new Set(rows.map((row) => row.table));
    const { rows: reserved } = await admin.query<{ table: string }>(
      "SELECT conrelid::regclass::text AS table FROM pg_constraint WHERE contype = 'c' AND pg_get_constraintdef(oid) LIKE '%tenant_id = ''tnt-00000000000000000''%'",
    );
    const operators = new Set(reserved.map((row) => row.table));
    expect([...operators]).toEqual(expect.arrayContaining(OPERATOR_TABLES));
    const between = foreignKeys.filter(({ table, target }) => owned.has(table) && owned.has(target));
    const loose = between.filter(({ columns, targetColumns, target }) => {
      const at = columns.indexOf('tenant_id');
      return !operators.has(target) && !(at >= 0 && targetColumns[at] === 'tenant_id');
    });
    expect(loose.map(({ name }) => name)).toEqual([]);
    expect(between.length).toBeGreaterThan(20);
  });

  it('refuses every reference to a row of another tenant', async () => {
    const tried: string[] = [];
    for (const { table, name, columns, target, targetColumns } of foreignKeys) {
      if (!TABLES.includes(table) || !TABLES.includes(target)) continue;
      const theirs = await rowOf(target, victim.tenantId);
      const pairs = columns.map((column, index) => ({ column, value: theirs[targetColumns[index]!] }));
      for (const { column, value } of pairs.filter(({ column }) => column !== 'tenant_id')) {
        if (value === null) continue;
        const outcome = await refusal(`UPDATE ${table} SET ${column} = $1 WHERE ${column} IS NOT NULL`, [value]);
        tried.push(`${name} ${column} ${outcome}`);
        // Nothing but the reference itself, the choice of who may write the column, or a check of the row may refuse first.
        expect([name, column, outcome]).toEqual([name, column, expect.stringMatching(/^(23503|42501|23514)$/)]);
      }
    }
    expect(tried.filter((line) => line.endsWith(FOREIGN_KEY)).length).toBeGreaterThan(15);
  });

  it('refuses a route to another tenant’s gateway when the row is whole', async () => {
    const kinds = [
      ['internet-gateway', 'internet_gateway_id', victim.internetGatewayId],
      ['nat-gateway', 'nat_gateway_id', victim.natGatewayId],
      ['vpn-gateway', 'vpn_gateway_id', victim.vpnGatewayId],
    ];
    for (const [kind, column, id] of kinds) {
      const sql = `INSERT INTO route (tenant_id, vpc_id, route_table_id, destination, target_kind, target_id, ${column})
                   VALUES ($1, $2, $3, '198.18.0.0/15', $4, $5, $5)`;
      const params = [attacker.tenantId, attacker.vpcId, attacker.routeTableId, kind, id];
      expect([kind, await refusal(sql, params)]).toEqual([kind, FOREIGN_KEY]);
    }
  });

  it('gives out public addresses by its named function alone', async () => {
    const { pool_id: pool } = await rowOf('elastic_ip', victim.tenantId);
    const insert =
      "INSERT INTO elastic_ip (tenant_id, id, pool_id, address) VALUES ($1, 'eipalloc-x', $2, '203.0.113.99')";
    expect(await refusal(insert, [attacker.tenantId, pool])).toBe(PRIVILEGE);
    expect(await refusal("UPDATE elastic_ip SET address = '203.0.113.99'")).toBe(PRIVILEGE);
    await role.query('BEGIN');
    const { rows } = await role.query("SELECT * FROM crosstenant.allocate_elastic_ip('eipalloc-y', NULL, now())");
    const owner = await role.query("SELECT tenant_id FROM elastic_ip WHERE id = 'eipalloc-y'");
    await role.query('ROLLBACK');
    expect(rows).toEqual([{ pool_id: pool, address: '203.0.113.3' }]);
    expect(owner.rows).toEqual([{ tenant_id: attacker.tenantId }]);
    await role.query("SELECT set_config('app.tenant', '', false)");
    expect(await refusal("SELECT * FROM crosstenant.allocate_elastic_ip('eipalloc-z', NULL, now())")).toBe(PRIVILEGE);
    await role.query("SELECT set_config('app.tenant', $1, false)", [attacker.tenantId]);
  });

  it.each(OPERATOR_TABLES)('%s is nothing that a tenant reads or writes', async (table) => {
    expect((await role.query(`SELECT * FROM ${table}`)).rows).toEqual([]);
    expect(await refusal(`DELETE FROM ${table}`)).toMatch(/no row|42501/);
    const { rows } = await role.query(
      'SELECT * FROM crosstenant.address_pool_users((SELECT pool_id FROM elastic_ip LIMIT 1))',
    );
    expect(rows).toEqual([]);
  });
});
