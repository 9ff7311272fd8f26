import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where a run of jest keeps its cluster between global setup and teardown; both run in one process. */
const SLOT = Symbol.for('freehold.test-cluster');
const PREFIX = 'freehold-test-pg-';
const TEMPLATE = 'freehold_template';
/** A folder without an owner's mark may be one that another run is making this moment. */
const UNMARKED_GRACE_MS = 60_000;

/** The build is used and not the sources: global setup runs outside of jest's transform. */
async function builtLibrary(name) {
  const entry = new URL(`../../dist/libs/${name}/src/index.js`, import.meta.url);
  if (!existsSync(entry)) throw new Error('integration tests need the build: run "npm run build" first');
  return import(entry.href);
}

/**
 * Starts one PostgreSQL without fsync for the whole run and migrates a template database in it. What tests need to know is
 * JSON in FREEHOLD_TEST_PG. All projects of one run share it; a cluster that the environment names already is used as it is.
 */
export async function startTestCluster() {
  if (process.env.FREEHOLD_TEST_PG) return;
  await removeLeftovers();
  try {
    process.env.FREEHOLD_TEST_PG = JSON.stringify(await makeCluster());
  } catch (error) {
    await destroyTestCluster();
    throw error;
  }
}

async function makeCluster() {
  const { EmbeddedPostgres, identify, writePrivateFile } = await builtLibrary('embedded');
  const { DATABASE_ROLES, migrate, prepareDatabase } = await builtLibrary('database');
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  globalThis[SLOT] = folder;
  chmodSync(folder, 0o711);
  writePrivateFile(join(folder, 'owner.json'), JSON.stringify(identify(process.pid)));
  const postgres = new EmbeddedPostgres({ folder: join(folder, 'cluster'), fsync: false, maxConnections: 300 });
  await postgres.start();
  const passwords = Object.fromEntries(DATABASE_ROLES.map((role) => [role, `${role}-in-tests`]));
  const urls = await prepareDatabase({ adminUrl: postgres.adminUrl, database: TEMPLATE, passwords });
  await migrate(urls.freehold_owner);
  return { adminUrl: postgres.adminUrl, template: TEMPLATE, passwords };
}

/** Ends the cluster and removes it, databases and all: quicker than dropping each. */
export async function destroyTestCluster() {
  const folder = globalThis[SLOT];
  if (!folder) return;
  delete globalThis[SLOT];
  delete process.env.FREEHOLD_TEST_PG;
  await remove(folder);
}

/** Clusters of runs that were killed before their teardown. */
async function removeLeftovers() {
  const { isAlive, isProcessIdentity, readJsonIfThere } = await builtLibrary('embedded');
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const folder = join(tmpdir(), name);
    try {
      const owner = readJsonIfThere(join(folder, 'owner.json'));
      const abandoned = isProcessIdentity(owner)
        ? !isAlive(owner)
        : Date.now() - statSync(folder).mtimeMs > UNMARKED_GRACE_MS;
      if (abandoned) await remove(folder);
    } catch (error) {
      // Another user's, or removed by another run this moment: neither is ours to mend.
      if (!['EACCES', 'EPERM', 'ENOENT'].includes(error.code) && error.name !== 'AccountError') throw error;
    }
  }
}

async function remove(folder) {
  const { EmbeddedPostgres } = await builtLibrary('embedded');
  await EmbeddedPostgres.destroy(join(folder, 'cluster'));
  rmSync(folder, { recursive: true, force: true });
}
