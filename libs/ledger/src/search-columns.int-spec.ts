import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '#database';
import { type JsonValue, newId, type TenantId } from '#kernel';
import { encodeBody } from '#proof';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../../../test/support/embedded-database.js';

const MIGRATIONS = 'migrations';
const THIS = '20261126000400-ledger-search.sql';
const TENANT = newId('tenant');
const OTHER = newId('tenant');
const ACTOR = newId('user');
const [A, B] = [newId('vpc'), newId('vpc')];
const TABLE = newId('routeTable');
const VGW = newId('vpnGateway');
const CONNECTION = newId('vpnConnection');
const DATASET = newId('dataset');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'freehold-search-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function asked<T>(url: string, ask: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await ask(client);
  } finally {
    await client.end();
  }
}

interface Told {
  action: string;
  resource: string;
  before?: JsonValue;
  after?: JsonValue;
  /** What it is to be found under. */
  scope: string | null;
}

/** A history in the order of its clock: a gateway in one VPC and then in another, with connections in each. */
const HISTORY: Told[] = [
  { action: 'vpc.created', resource: A, after: { name: 'nul \u0000 and \\u0000' }, scope: A },
  { action: 'route-table.created', resource: TABLE, after: { vpcId: A }, scope: A },
  { action: 'vpn-gateway.created', resource: VGW, after: { vpcId: null }, scope: null },
  { action: 'vpn-gateway.attached', resource: VGW, before: { vpcId: null }, after: { vpcId: A }, scope: A },
  { action: 'vpn-connection.created', resource: CONNECTION, after: { vpnGatewayId: VGW }, scope: A },
  {
    action: 'vpn-connection.configuration-downloaded',
    resource: CONNECTION,
    after: { format: 'wg-quick' },
    scope: A,
  },
  { action: 'route.created', resource: `${TABLE}/0.0.0.0/0`, after: { routeTableId: TABLE }, scope: A },
  { action: 'route-propagation.enabled', resource: `${TABLE}/${VGW}`, after: { enabled: true }, scope: A },
  {
    action: 'route-table-association.deleted',
    resource: newId('routeTableAssociation'),
    before: { routeTableId: TABLE },
    scope: A,
  },
  { action: 'vpn-connection.deleted', resource: CONNECTION, before: { vpnGatewayId: VGW }, scope: A },
  { action: 'vpn-gateway.detached', resource: VGW, before: { vpcId: A }, after: { vpcId: null }, scope: A },
  { action: 'vpn-gateway.attached', resource: VGW, before: { vpcId: null }, after: { vpcId: B }, scope: B },
  {
    action: 'vpn-connection.created',
    resource: newId('vpnConnection'),
    after: { vpnGatewayId: VGW },
    scope: B,
  },
  { action: 'migration.created', resource: newId('migration'), after: { datasetId: DATASET }, scope: DATASET },
  { action: 'dataset.deleted', resource: DATASET, before: {}, scope: DATASET },
  { action: 'user.created', resource: ACTOR, after: {}, scope: null },
];

function bodyOf(told: Told, at: number): { id: string; time: string; bytes: Uint8Array } {
  const id = newId('ledgerEntry');
  const time = new Date(Date.UTC(2026, 0, 1, 0, 0, at)).toISOString();
  const bytes = encodeBody({
    v: 1,
    id,
    tenant: TENANT,
    class: told.action.endsWith('downloaded') ? 'audit' : 'configuration',
    action: told.action,
    actor: { type: 'user', id: ACTOR },
    keyId: null,
    resource: { type: told.action.slice(0, told.action.indexOf('.')), id: told.resource, version: 1 },
    before: told.before ?? null,
    after: told.after ?? null,
    requestId: newId('request'),
    time,
    vouched: { mode: 'custodial' },
  });
  return { id, time, bytes };
}

const insertion = (client: pg.Client, tenant: string, id: string, body: Uint8Array) =>
  client.query(
    `INSERT INTO ledger_entry (tenant_id, id, body, body_hash, salt) VALUES ($1, $2, $3, sha256($3), sha256('salt'))`,
    [tenant, id, Buffer.from(body)],
  );

async function olderDatabase(): Promise<TestDatabase> {
  const database = await createEmptyDatabase();
  for (const file of readdirSync(MIGRATIONS).filter((name) => name.endsWith('.sql') && name < THIS)) {
    copyFileSync(join(MIGRATIONS, file), join(folder, file));
  }
  await migrate(database.urls.freehold_owner, folder);
  return database;
}

describe('entries of before the search', () => {
  it('are found by what their bodies say, and stay as unwritable as they were', async () => {
    const { urls } = await olderDatabase();
    const bodies = HISTORY.map(bodyOf);
    await asked(urls.freehold_system, async (client) => {
      for (const { id, bytes } of bodies) await insertion(client, TENANT, id, bytes);
      // The same ids in another tenant's bodies lend nothing to this tenant's, and what is no body is left alone.
      await insertion(client, OTHER, newId('ledgerEntry'), Buffer.from('{"some": "bytes"}'));
      await insertion(client, OTHER, newId('ledgerEntry'), Buffer.from('no json'));
    });
    await migrate(urls.freehold_owner);
    await asked(urls.freehold_system, async (client) => {
      const { rows } = await client.query(
        `SELECT id, action, actor_id, resource_type, resource_id, scope_id, happened_at, body FROM ledger_entry
          WHERE tenant_id = $1 ORDER BY happened_at`,
        [TENANT],
      );
      expect(rows).toEqual(
        HISTORY.map((told, at) => ({
          id: bodies[at]!.id,
          action: told.action,
          actor_id: ACTOR,
          resource_type: told.action.slice(0, told.action.indexOf('.')),
          resource_id: told.resource,
          scope_id: told.scope,
          happened_at: new Date(bodies[at]!.time),
          body: Buffer.from(bodies[at]!.bytes),
        })),
      );
      const { rows: others } = await client.query('SELECT action, scope_id FROM ledger_entry WHERE tenant_id = $1', [
        OTHER,
      ]);
      expect(others).toEqual(Array(2).fill({ action: null, scope_id: null }));
      await expect(client.query(`UPDATE ledger_entry SET action = 'x'`)).rejects.toThrow(
        /permission denied|append-only/,
      );
    });
    await asked(urls.freehold_owner, async (client) => {
      await client.query('SET ROLE freehold_owner');
      const { rows } = await client.query(
        `SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'ledger_entry'::regclass AND NOT tgisinternal AND tgenabled <> 'A'`,
      );
      expect(rows).toEqual([]);
    });
  });
});

describe('the search columns under row level security', () => {
  it.each([
    [`scope_id = 'vpc-1'`, 'ledger_entry_scope'],
    [`resource_id = 'vpc-1'`, 'ledger_entry_resource'],
    [`actor_id = 'usr-1'`, 'ledger_entry_actor'],
    [`action = 'vpc.created'`, 'ledger_entry_action'],
    [`action >= 'vpc.' AND action < 'vpc/'`, 'ledger_entry_action'],
    [`resource_type = 'vpc'`, 'ledger_entry_resource_type'],
    [`happened_at >= '2026-01-01Z' AND happened_at < '2026-01-02Z'`, 'ledger_entry_time'],
  ])('%s uses %s', async (condition, index) => {
    const { urls } = await createTestDatabase();
    await asked(urls.freehold_api, async (client) => {
      await client.query('BEGIN');
      await client.query('SET LOCAL enable_seqscan = off');
      await client.query(`SELECT set_config('app.tenant', $1, true)`, [TENANT satisfies TenantId]);
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN SELECT id FROM ledger_entry WHERE tenant_id = '${TENANT}' AND ${condition}`,
      );
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).toContain(index);
      // In the condition of the index itself, and not in a filter over all entries of the tenant.
      const column = condition.slice(0, condition.indexOf(' '));
      expect(plan).toMatch(new RegExp(`Index Cond: .*${column}`));
    });
  });
});
