import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { newId } from '#kernel';
import { type MigrateFolder, migrateFolder } from '../../../apps/cli/src/migrate/migrate-folder.js';
import {
  type MigrationStack,
  type MigrationTenant,
  startMigrationStack,
} from '../../../test/support/migration-stack.js';
import { until } from '../../../test/support/until.js';

let stack: MigrationStack;
let system: pg.Client;
beforeAll(async () => {
  stack = await startMigrationStack();
  system = new pg.Client({ connectionString: stack.api.database.urls.freehold_system });
  await system.connect();
});
afterAll(async () => {
  await system?.end();
  await stack?.close();
});

async function filled(tenant: MigrationTenant, datasetName = 'data') {
  const folder = join(stack.folder, `source-${randomBytes(4).toString('hex')}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'a'), randomBytes(300_000));
  const move: MigrateFolder = {
    ...tenant,
    identities: [],
    folder,
    datasetName,
    noRecovery: false,
    skipUnreadable: false,
    patience: { forMs: 20_000 },
  };
  return migrateFolder(move);
}

function shardFiles(): string[] {
  return stack.nodes.flatMap(({ location }) => {
    const shards = join(location, 'shards');
    if (!existsSync(shards)) return [];
    return readdirSync(shards).flatMap((prefix) => readdirSync(join(shards, prefix)));
  });
}

describe('storage nodes', () => {
  it('are registered, changed, drained and removed by the operator, each in the ledger', async () => {
    const { operator } = stack.api;
    const location = join(stack.folder, 'nodes', 'extra');
    const body = { name: 'Extra', location, failureDomain: 'rack-9', weight: 50 };
    const tried = await operator('POST', '/v1/system/storage-nodes?dryRun=true', body);
    expect(tried).toMatchObject({ status: 200, body: { dryRun: true } });
    expect(existsSync(location)).toBe(false);
    const made = await operator('POST', '/v1/system/storage-nodes', body);
    expect(made).toMatchObject({
      status: 201,
      body: { status: 'active', weight: 50, ledgerEntryId: expect.any(String) },
    });
    const path = `/v1/system/storage-nodes/${made.body.id}`;
    expect(existsSync(join(location, 'freehold-node.json'))).toBe(true);
    expect(await operator('POST', '/v1/system/storage-nodes', body)).toMatchObject({
      status: 409,
      body: { code: 'StorageNodeTaken' },
    });
    const other = { ...body, name: 'Other', location: `${location}/../extra2` };
    expect((await operator('POST', '/v1/system/storage-nodes', other)).status).toBe(400);
    const changed = await operator('PATCH', path, { status: 'draining', weight: 7 }, { 'if-match': '"1"' });
    expect(changed).toMatchObject({ status: 200, body: { status: 'draining', weight: 7, version: 2 } });
    expect((await operator('PATCH', path, { weight: 8 }, { 'if-match': '"1"' })).status).toBe(412);
    expect((await operator('DELETE', path)).status).toBe(200);
    expect((await operator('GET', path)).status).toBe(404);
    const { rows } = await system.query(
      'SELECT body FROM ledger_entry JOIN ledger_pending p ON p.entry_id = id ORDER BY p.position',
    );
    const actions = rows
      .map((row) => JSON.parse(row.body.toString()))
      .filter((entry) => entry.resource.id === made.body.id);
    expect(actions.map((entry) => entry.action)).toEqual([
      'storage-node.registered',
      'storage-node.updated',
      'storage-node.deleted',
    ]);
  });

  it('are refused where another node has the folder, or where there can be none', async () => {
    const { operator } = stack.api;
    const taken = join(stack.folder, 'taken');
    mkdirSync(taken);
    writeFileSync(join(taken, 'freehold-node.json'), JSON.stringify({ v: 1, nodeId: newId('storageNode') }));
    const register = (location: string) =>
      operator('POST', '/v1/system/storage-nodes', { name: `n ${location}`, location, failureDomain: 'x' });
    expect(await register(taken)).toMatchObject({ status: 503, body: { code: 'StoreOffline' } });
    writeFileSync(join(stack.folder, 'file'), '');
    expect(await register(join(stack.folder, 'file'))).toMatchObject({ status: 503, body: { code: 'StoreOffline' } });
    for (const location of ['relative', '/a/../b', '', '/a\0b']) expect((await register(location)).status).toBe(400);
    const { rows } = await system.query("SELECT 1 FROM storage_node WHERE name LIKE 'n %'");
    expect(rows).toEqual([]);
  });

  it('are not removed while they hold shards', async () => {
    await filled(await stack.tenant());
    const path = `/v1/system/storage-nodes/${stack.nodes[0]!.id}`;
    const refused = await stack.api.operator('DELETE', path);
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'DependencyViolation', blockers: [{ fix: expect.stringContaining('draining') }] },
    });
  });

  it('are nothing to a tenant', async () => {
    const { call } = await stack.tenant();
    expect((await call('GET', '/v1/system/storage-nodes')).status).toBe(403);
    expect(
      (await call('POST', '/v1/system/storage-nodes', { name: 'x', location: '/x', failureDomain: 'x' })).status,
    ).toBe(403);
  });
});

describe('what another tenant has', () => {
  it('is as if it did not exist, on every route', async () => {
    const [owner, stranger] = [await stack.tenant(), await stack.tenant()];
    const { datasetId, migrationId } = await filled(owner);
    const nobodys = { dataset: newId('dataset'), migration: newId('migration') };
    const routes: [string, (dataset: string, migration: string) => string, unknown?][] = [
      ['GET', (dataset) => `/v1/datasets/${dataset}`],
      ['DELETE', (dataset) => `/v1/datasets/${dataset}`],
      ['GET', (dataset) => `/v1/datasets/${dataset}/manifests/1`],
      ['GET', (dataset) => `/v1/datasets/${dataset}/manifests/1/segments`],
      ['POST', (dataset) => `/v1/datasets/${dataset}/restore-ticket`],
      ['GET', (_dataset, migration) => `/v1/migrations/${migration}`],
      ['POST', (_dataset, migration) => `/v1/migrations/${migration}/start`],
      ['POST', (_dataset, migration) => `/v1/migrations/${migration}/pause`],
      ['POST', (_dataset, migration) => `/v1/migrations/${migration}/resume`],
      ['POST', (_dataset, migration) => `/v1/migrations/${migration}/cancel`],
    ];
    for (const [method, path, body] of routes) {
      const foreign = await stranger.call(method, path(datasetId, migrationId), body);
      const absent = await stranger.call(method, path(nobodys.dataset, nobodys.migration), body);
      const blank = (reply: { body: unknown }) =>
        JSON.stringify(reply.body)
          .replaceAll(/(ds|mig|req)-[0-9a-f]{17}/g, '$1')
          .replaceAll(datasetId, '');
      expect([foreign.status, blank(foreign)]).toEqual([404, blank(absent)]);
      expect(foreign.status).toBe(absent.status);
    }
    const inBody = (id: string) => stranger.call('POST', '/v1/migrations', { datasetId: id });
    expect(await inBody(datasetId)).toMatchObject({ status: 400, body: { code: 'ReferenceNotFound' } });
    expect(await inBody(nobodys.dataset)).toMatchObject({ status: 400, body: { code: 'ReferenceNotFound' } });
    expect((await stranger.call('GET', `/v1/migrations?datasetId=${datasetId}`)).body.items).toEqual([]);
    expect((await stranger.call('GET', '/v1/datasets?name=data')).body.items).toEqual([]);
  });

  it('cannot be fetched with a ticket of another dataset, nor with an upload ticket', async () => {
    const [owner, stranger] = [await stack.tenant(), await stack.tenant()];
    await filled(owner);
    const own = await filled(stranger);
    const { rows } = await system.query('SELECT id FROM segment WHERE tenant_id = $1', [owner.id]);
    const ticket = (await stranger.call('POST', `/v1/datasets/${own.datasetId}/restore-ticket`)).body;
    const get = (id: string, text: string) =>
      fetch(`${ticket.url}/${id}`, { headers: { authorization: `Ticket ${text}` } });
    const foreign = await get(rows[0].id, ticket.ticket);
    const absent = await get(newId('segment'), ticket.ticket);
    expect([foreign.status, absent.status]).toEqual([404, 404]);
    const second = await filled(stranger, 'second');
    const others = await system.query('SELECT id FROM segment WHERE dataset_id = $1', [second.datasetId]);
    expect((await get(others.rows[0].id, ticket.ticket)).status).toBe(404);
    expect((await get(rows[0].id, 'bm8.bm8')).status).toBe(401);
  });

  it('is refused by the database itself, to the role that serves tenants', async () => {
    const [owner, stranger] = [await stack.tenant(), await stack.tenant()];
    const { datasetId, migrationId } = await filled(owner);
    const api = new pg.Client({ connectionString: stack.api.database.urls.freehold_api });
    await api.connect();
    try {
      const asStranger = async (sql: string, params: unknown[]) => {
        await api.query('BEGIN');
        try {
          await api.query("SELECT set_config('app.tenant', $1, true)", [stranger.id]);
          return await api.query(sql, params);
        } finally {
          await api.query('ROLLBACK');
        }
      };
      for (const table of ['dataset', 'migration', 'segment', 'shard', 'manifest']) {
        expect((await asStranger(`SELECT 1 FROM ${table} WHERE tenant_id = $1`, [owner.id])).rowCount).toBe(0);
        expect((await asStranger(`SELECT 1 FROM ${table}`, [])).rowCount).toBe(0);
      }
      // A row of one's own that points at another's: the composite key finds nothing to point at.
      const insertMigration = "INSERT INTO migration (tenant_id, id, dataset_id, state) VALUES ($1, $2, $3, 'draft')";
      await expect(asStranger(insertMigration, [stranger.id, newId('migration'), datasetId])).rejects.toMatchObject({
        code: '23503',
      });
      const insertManifest = `INSERT INTO manifest (tenant_id, dataset_id, version, migration_id, statement, signature, signer, content_root)
        VALUES ($1, $2, 9, $3, '', decode(repeat('00', 64), 'hex'), decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'))`;
      await expect(asStranger(insertManifest, [stranger.id, datasetId, migrationId])).rejects.toMatchObject({
        code: '23503',
      });
      // In another's name: row level security.
      await expect(asStranger(insertMigration, [owner.id, newId('migration'), datasetId])).rejects.toMatchObject({
        code: '42501',
      });
      // Where shards are is the workers' to say.
      await expect(asStranger('DELETE FROM shard', [])).rejects.toMatchObject({ code: '42501' });
      expect((await asStranger('SELECT 1 FROM storage_node', [])).rowCount).toBe(0);
    } finally {
      await api.end();
    }
  });
});

describe('a dataset that is deleted', () => {
  it('loses its wrapped key at once, and its shards and rows by and by; its name is free', async () => {
    const tenant = await stack.tenant();
    const before = shardFiles().length;
    const { datasetId, migrationId } = await filled(tenant);
    expect(shardFiles().length).toBeGreaterThan(before);
    await stack.worker.stop();
    const deleted = await tenant.call('DELETE', `/v1/datasets/${datasetId}`);
    expect(deleted.status).toBeLessThan(300);
    expect((await tenant.call('GET', `/v1/datasets/${datasetId}`)).body).toMatchObject({
      state: 'deleting',
      key: null,
    });
    expect((await tenant.call('POST', '/v1/datasets', { name: 'data' })).status).toBe(201);
    expect(await tenant.call('POST', '/v1/migrations', { datasetId })).toMatchObject({
      status: 409,
      body: { code: 'DatasetDeleting' },
    });
    await stack.worker.start();
    await until(
      'the dataset is gone',
      async () => (await tenant.call('GET', `/v1/datasets/${datasetId}`)).status === 404,
    );
    expect(shardFiles().length).toBe(before);
    expect((await tenant.call('GET', `/v1/migrations/${migrationId}`)).status).toBe(404);
    for (const table of ['segment', 'shard', 'manifest', 'migration']) {
      expect((await system.query(`SELECT 1 FROM ${table} WHERE tenant_id = $1`, [tenant.id])).rowCount).toBe(0);
    }
    const { rows } = await system.query(
      'SELECT body FROM ledger_entry e JOIN ledger_pending p ON p.entry_id = e.id WHERE e.tenant_id = $1 ORDER BY p.position',
      [tenant.id],
    );
    const actions = rows.map((row) => JSON.parse(row.body.toString()).action);
    expect(actions).toEqual(expect.arrayContaining(['dataset.deleted', 'dataset.removed', 'migration.committed']));
  });

  it('waits for a node that is offline: nothing is forgotten that is still stored', async () => {
    const tenant = await stack.tenant();
    const { datasetId } = await filled(tenant);
    const mark = join(stack.nodes[2]!.location, 'freehold-node.json');
    const identity = readFileSync(mark);
    rmSync(mark);
    try {
      await tenant.call('DELETE', `/v1/datasets/${datasetId}`);
      const tried = async () => {
        const { rows } = await system.query(
          "SELECT offered_at FROM outbox WHERE topic = 'dataset-removal' AND key LIKE $1",
          [`%${datasetId}`],
        );
        return rows[0]?.offered_at !== null;
      };
      await until('the removal was tried', tried);
      expect((await tenant.call('GET', `/v1/datasets/${datasetId}`)).body.state).toBe('deleting');
    } finally {
      writeFileSync(mark, identity);
    }
    await until(
      'the dataset is gone',
      async () => (await tenant.call('GET', `/v1/datasets/${datasetId}`)).status === 404,
      40_000,
    );
  });

  it('is not deleted while a migration fills it, and keeps its tenant from being deleted', async () => {
    const tenant = await stack.tenant();
    const { datasetId } = await filled(tenant);
    const { body: migration } = await tenant.call('POST', '/v1/migrations', { datasetId });
    expect(await tenant.call('DELETE', `/v1/datasets/${datasetId}`)).toMatchObject({
      status: 409,
      body: { blockers: [{ id: migration.id, fix: `POST /v1/migrations/${migration.id}/cancel` }] },
    });
    const refused = await stack.api.operator('DELETE', `/v1/system/tenants/${tenant.id}`);
    expect(refused).toMatchObject({
      status: 409,
      body: { blockers: expect.arrayContaining([expect.objectContaining({ id: datasetId })]) },
    });
  });
});
