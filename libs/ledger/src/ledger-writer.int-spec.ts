import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { UnitOfWork } from '#database';
import { newId, type TenantId } from '#kernel';
import { nodeCrypto, parseBody, verifyPromise } from '#proof';
import { createTestDatabase, type TestDatabase } from '../../../test/support/embedded-database.js';
import { LogIdentity } from './infra/log-identity.js';
import { contextOf, LedgerProcess, subnetCreated } from './testing/ledger-process.js';

const acme = newId('tenant');
const globex = newId('tenant');
let folder: string;
let database: TestDatabase;
let api: LedgerProcess;
let worker: LedgerProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freehold-ledger-writer-'));
  database = await createTestDatabase();
  worker = await LedgerProcess.worker(database, folder);
  api = await LedgerProcess.api(database, folder);
  for (const tenant of [acme, globex]) await worker.openChain(tenant, new Uint8Array(32).fill(7));
});
afterAll(async () => {
  await api?.close();
  await worker?.close();
  await rm(folder, { recursive: true, force: true });
});

async function as<Row extends pg.QueryResultRow>(url: string, sql: string, tenant?: TenantId): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    if (tenant) await client.query("SELECT set_config('app.tenant', $1, false)", [tenant]);
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('a recorded change', () => {
  it('is stored as the bytes that were promised, and queued, with the change itself', async () => {
    const ctx = contextOf(acme);
    const entry = await api.module.get(UnitOfWork).run(ctx, async (tx) => {
      const recorded = api.writer.append(tx, subnetCreated(1));
      expect(tx.entries).toEqual([recorded]);
      return recorded;
    });
    const [row] = await as<{ body: Buffer; queued: boolean }>(
      database.adminUrl,
      `SELECT body, EXISTS (SELECT FROM ledger_pending WHERE entry_id = id) AS queued
         FROM ledger_entry WHERE id = '${entry.ledgerEntryId}'`,
    );
    const body = parseBody(row!.body);
    expect(body).toMatchObject({
      id: entry.ledgerEntryId,
      tenant: acme,
      action: 'subnet.created',
      actor: { type: 'user', id: ctx.actor.id },
      keyId: ctx.actor.keyId,
      requestId: ctx.requestId,
      vouched: { mode: 'custodial' },
    });
    expect(row!.queued).toBe(true);
    const log = api.module.get(LogIdentity);
    const promise = await verifyPromise(nodeCrypto, entry.promise, log.keyFor(0), row!.body);
    expect(promise.entryId).toBe(entry.ledgerEntryId);
    expect(promise.deadline).toBe(Math.floor(Date.parse(body.time) / 1000) + 60);
    const other = Buffer.from(row!.body);
    other[other.length - 2]! ^= 1;
    await expect(verifyPromise(nodeCrypto, entry.promise, log.keyFor(0), other)).rejects.toThrow('for another body');
  });

  it('leaves nothing when the change fails or is only tried', async () => {
    const before = await as(database.adminUrl, 'SELECT id FROM ledger_entry');
    const failing = api.module.get(UnitOfWork).run(contextOf(acme), async (tx) => {
      api.writer.append(tx, subnetCreated(1));
      throw new Error('the change failed');
    });
    await expect(failing).rejects.toThrow('the change failed');
    const tried = await api.module.get(UnitOfWork).run({ ...contextOf(acme), dryRun: true }, async (tx) => {
      return api.writer.append(tx, subnetCreated(1));
    });
    expect(tried.promise).toBe('');
    expect(await as(database.adminUrl, 'SELECT id FROM ledger_entry')).toEqual(before);
  });

  it('needs the chain of its tenant, and a body of a bounded size', async () => {
    await expect(api.change(newId('tenant'))).rejects.toMatchObject({ code: 'LedgerChainMissing' });
    const large = api.module.get(UnitOfWork).run(contextOf(acme), async (tx) => {
      api.writer.append(tx, { ...subnetCreated(1), after: { text: 'x'.repeat(1 << 20) } });
    });
    await expect(large).rejects.toMatchObject({ code: 'LedgerEntryTooLarge', category: 'too-large' });
  });

  it('of an operator goes to both chains when it concerns another tenant', async () => {
    const [own, other] = await api.module
      .get(UnitOfWork)
      .run(contextOf(acme), async (tx) => [
        api.writer.append(tx, subnetCreated(1)).ledgerEntryId,
        api.writer.append(tx, { ...subnetCreated(2), tenantId: globex }).ledgerEntryId,
      ]);
    const rows = await as(
      database.adminUrl,
      `SELECT id, tenant_id FROM ledger_entry WHERE id IN ('${own}', '${other}') ORDER BY tenant_id = '${globex}'`,
    );
    expect(rows).toEqual([
      { id: own, tenant_id: acme },
      { id: other, tenant_id: globex },
    ]);
  });
});

describe('the database', () => {
  it('shows a tenant its own entries alone, and lets it add to no other chain', async () => {
    await api.change(globex);
    const seen = await as<{ tenant_id: string }>(
      database.urls.freehold_api,
      'SELECT tenant_id FROM ledger_entry',
      acme,
    );
    expect(new Set(seen.map((row) => row.tenant_id))).toEqual(new Set([acme]));
    expect(await as(database.urls.freehold_api, 'SELECT tenant_id FROM ledger_entry')).toEqual([]);
    for (const table of ['ledger_entry', 'ledger_pending', 'ledger_tenant_head']) {
      const columns = {
        ledger_entry: `(tenant_id, id, body, body_hash, salt) VALUES ('${globex}', 'led-00000000000000000', '', sha256(''), sha256(''))`,
        ledger_pending: `(tenant_id, entry_id) VALUES ('${globex}', 'led-00000000000000000')`,
        ledger_tenant_head: `(tenant_id, sealed_view_key, view_key_commitment) VALUES ('tnt-00000000000000009', '', repeat('0', 64))`,
      }[table];
      await expect(as(database.urls.freehold_api, `INSERT INTO ${table} ${columns}`, acme)).rejects.toThrow(
        /row-level security/,
      );
    }
  });

  it.each([
    "UPDATE ledger_entry SET body = ''",
    'DELETE FROM ledger_entry',
    'TRUNCATE ledger_entry CASCADE',
    "UPDATE ledger_leaf SET leaf = ''",
    'DELETE FROM ledger_leaf',
    'DELETE FROM ledger_tile',
    'DELETE FROM ledger_checkpoint',
    'DELETE FROM ledger_head',
    'UPDATE ledger_tenant_head SET seq = 9',
    'DELETE FROM ledger_pending',
    "INSERT INTO ledger_leaf VALUES (0, 'a', 'b', 1, sha256(''), '')",
    "INSERT INTO ledger_tile VALUES (0, 0, sha256(''))",
    "UPDATE ledger_log SET origin = 'x'",
  ])('refuses the api role %s', async (sql) => {
    await expect(as(database.urls.freehold_api, sql, acme)).rejects.toThrow(/permission denied/);
  });

  it.each([
    "UPDATE ledger_entry SET body = ''",
    'DELETE FROM ledger_entry',
    'TRUNCATE ledger_entry CASCADE',
    'TRUNCATE ledger_checkpoint CASCADE',
    'TRUNCATE ledger_tile',
    'DELETE FROM ledger_head',
    'UPDATE ledger_head SET epoch = -1',
  ])('refuses even a superuser %s, replication role or not', async (sql) => {
    await expect(as(database.adminUrl, sql)).rejects.toThrow(/append-only|only moves forward/);
    await expect(as(database.adminUrl, `SET session_replication_role = replica; ${sql}`)).rejects.toThrow(
      /append-only|only moves forward/,
    );
  });
});
