import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type DatabaseRole, type DatabaseUrls, databaseUrls } from '#database';

/** What global setup says about the run's one PostgreSQL. */
export interface TestCluster {
  /** The superuser's URL. */
  adminUrl: string;
  /** The migrated database that others are copied from. */
  template: string;
  passwords: Record<DatabaseRole, string>;
}

/** A database of a test file's own. */
export interface TestDatabase {
  name: string;
  /** The URL of each of the three roles. */
  urls: DatabaseUrls;
  /** The superuser's URL on this database: for faults that no role of ours could cause. */
  adminUrl: string;
}

/** The run's PostgreSQL. */
export function testCluster(): TestCluster {
  const text = process.env.FREEHOLD_TEST_PG;
  if (!text)
    throw new Error('no test cluster: name the file *.int-spec.ts or *.e2e-spec.ts, so that global setup runs');
  return JSON.parse(text) as TestCluster;
}

/**
 * A fresh database with every migration applied, copied from the template (tens of milliseconds). It need not be dropped:
 * the whole cluster goes when the run ends.
 */
export function createTestDatabase(): Promise<TestDatabase> {
  return create(testCluster().template);
}

/** A fresh database in which no migration has run; for tests of the migrations themselves. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return create('template0');
}

async function create(template: string): Promise<TestDatabase> {
  const { adminUrl, passwords } = testCluster();
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    // Copying files takes 20 ms where writing each page to the log (the default) takes 150: without fsync a checkpoint is free.
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY OWNER freehold_owner`);
  } finally {
    await admin.end();
  }
  const own = new URL(adminUrl);
  own.pathname = `/${name}`;
  return { name, urls: databaseUrls(adminUrl, name, passwords), adminUrl: own.toString() };
}
