import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrateFolder } from '../../apps/cli/src/migrate/migrate-folder.js';
import { type LogBeside, logBeside } from '../support/api-with-log.js';
import { type MigrationStack, type MigrationTenant, startMigrationStack } from '../support/migration-stack.js';
import { until } from '../support/until.js';

let stack: MigrationStack;
let log: LogBeside;
let tenant: MigrationTenant;

beforeAll(async () => {
  stack = await startMigrationStack();
  log = await logBeside(stack.api);
  tenant = await stack.tenant();
});
afterAll(async () => {
  await log?.closeLog();
  await stack?.close();
});

async function move(content: string): Promise<void> {
  const folder = join(stack.folder, 'source');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'file'), content);
  await migrateFolder({
    ...tenant,
    identities: [],
    folder,
    datasetName: 'archive',
    noRecovery: false,
    skipUnreadable: false,
    patience: { forMs: 20_000 },
  });
}

async function expectOneStory(): Promise<void> {
  const { ok, breaks, differences, firstBad, resources, compared } = await log.audit(tenant);
  expect({ firstBad, breaks, differences }).toEqual({ firstBad: null, breaks: [], differences: [] });
  expect({ ok, compared }).toEqual({ ok: true, compared: resources });
}

const datasetId = async () => (await tenant.call('GET', '/v1/datasets')).body.items[0].id as string;

describe('moves of data', () => {
  it('are the story that the rows tell: committed, moved again, paused, given up, and after the removal', async () => {
    await move('first');
    await expectOneStory();
    await move('second');
    await expectOneStory();
    const id = await datasetId();
    const { body: migration } = await tenant.call('POST', '/v1/migrations', { datasetId: id, source: 'third' });
    for (const verb of ['start', 'pause', 'resume', 'pause', 'cancel']) {
      expect((await tenant.call('POST', `/v1/migrations/${migration.id}/${verb}`)).status).toBeLessThan(300);
    }
    await expectOneStory();
  });

  it.each([
    ['a committed content root', "UPDATE manifest SET content_root = sha256('x')", 'migration', '/contentRoot'],
    ['an older version put in force', 'UPDATE dataset SET manifest_version = 1', 'dataset', '/manifestVersion'],
    ['who signs for a dataset', "UPDATE dataset SET key_signer = sha256('x')", 'dataset', '/keySigner'],
    ['the state of a migration', "UPDATE migration SET state = 'failed' WHERE state = 'ready'", 'migration', '/state'],
  ])('with %s changed are told apart', async (_what, sql, type, pointer) => {
    await log.sql('CREATE TABLE kept_dataset AS TABLE dataset');
    await log.sql('CREATE TABLE kept_migration AS TABLE migration');
    await log.sql('CREATE TABLE kept_manifest AS TABLE manifest');
    try {
      await log.sql(`SET session_replication_role = replica; ${sql}; SET session_replication_role = origin`);
      const report = await log.audit(tenant);
      expect(report).toMatchObject({ ok: false, firstBad: { step: 'state', entryId: expect.stringMatching(/^led-/) } });
      const found = report.differences.find((one) => one.type === type);
      expect(found?.fields.map((field) => field.pointer)).toContain(pointer);
    } finally {
      await log.sql(`BEGIN; SET LOCAL session_replication_role = replica;
        DELETE FROM manifest; DELETE FROM migration; DELETE FROM dataset;
        INSERT INTO dataset SELECT * FROM kept_dataset; INSERT INTO migration SELECT * FROM kept_migration;
        INSERT INTO manifest SELECT * FROM kept_manifest;
        DROP TABLE kept_dataset, kept_migration, kept_manifest; COMMIT`);
    }
    await expectOneStory();
  });

  it('go with their dataset', async () => {
    const id = await datasetId();
    expect((await tenant.call('DELETE', `/v1/datasets/${id}`)).status).toBeLessThan(300);
    await expectOneStory();
    await until('the dataset is removed', async () => (await tenant.call('GET', `/v1/datasets/${id}`)).status === 404);
    await expectOneStory();
  });
});
