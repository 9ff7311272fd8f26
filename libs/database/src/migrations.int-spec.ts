import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../../../test/support/embedded-database.js';
import { until } from '../../../test/support/until.js';
import { loadSqlMigrations, migrate } from './migrations.js';
import { projectRoot } from './project-root.js';

const MIGRATIONS = join(projectRoot(), 'migrations');
const FILES = readdirSync(MIGRATIONS)
  .filter((name) => name.endsWith('.sql'))
  .sort();
const TENANT = `tnt-${'1'.repeat(17)}`;
const DATASET = `ds-${'1'.repeat(17)}`;
const VPC = `vpc-${'1'.repeat(17)}`;
const ENTRY = `led-${'1'.repeat(17)}`;

/** A few rows of each kind, in an order that foreign keys allow; only what the database has a table for is put in. */
const ROWS: readonly { table: string; columns: string; values: string }[] = [
  { table: 'tenant', columns: 'id, name, name_folded', values: `'${TENANT}', 'Kept Ltd', 'kept ltd'` },
  {
    table: 'idempotency_record',
    columns: 'tenant_id, scope, key, request_hash, status, body',
    values: `'${TENANT}', 'POST /v1/vpcs', 'a key', '\\x00', 201, '{"id": "${VPC}",  "spaces": "kept"}'`,
  },
  { table: 'outbox', columns: 'tenant_id, topic, key', values: `'${TENANT}', 'vpc', '${VPC}'` },
  {
    table: 'ledger_entry',
    columns: 'tenant_id, id, body, body_hash, salt',
    values: `'${TENANT}', '${ENTRY}', '{"some": "bytes"}', sha256('{"some": "bytes"}'), sha256('salt')`,
  },
  { table: 'ledger_pending', columns: 'tenant_id, entry_id', values: `'${TENANT}', '${ENTRY}'` },
  {
    table: 'dataset',
    columns: 'tenant_id, id, name, name_folded, data_shards, parity_shards',
    values: `'${TENANT}', '${DATASET}', 'd', 'd', 4, 2`,
  },
];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freehold-migrations-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function asked<T>(url: string, ask: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await ask(client);
  } finally {
    await client.end();
  }
}

/** The first `count` migrations, as a release of then had them. */
function releaseOf(count: number): string {
  for (const file of FILES.slice(0, count)) copyFileSync(join(MIGRATIONS, file), join(folder, file));
  return folder;
}

/** Everything that migrations make, in words that do not depend on when they made it. */
function shapeOf({ adminUrl }: TestDatabase): Promise<string[]> {
  const sql = `
    SELECT format('column %s.%s %s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
                  a.attidentity, pg_get_expr(d.adbin, d.adrelid)) AS line
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'v')
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT format('table %s rls %s %s grants %s', relname, relrowsecurity, relforcerowsecurity,
                  (SELECT array_agg(g::text ORDER BY g::text) FROM unnest(relacl) g))
      FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
    UNION ALL
    SELECT format('constraint %s.%s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT format('policy %s.%s %s %s %s %s', tablename, policyname, roles, cmd, qual, with_check) FROM pg_policies
    UNION ALL
    SELECT format('trigger %s %s %s', tgrelid::regclass, pg_get_triggerdef(oid), tgenabled)
      FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT format('function %s.%s(%s) %s %s', pronamespace::regnamespace, proname, pg_get_function_identity_arguments(oid),
                  proowner::regrole, md5(prosrc))
      FROM pg_proc WHERE pronamespace IN ('public'::regnamespace, 'crosstenant'::regnamespace)
     ORDER BY line`;
  return asked(adminUrl, async (client) => (await client.query<{ line: string }>(sql)).rows.map(({ line }) => line));
}

/** Puts rows in as the workers' role would; gives each back as text with the columns that its table has now. */
function fill({ urls }: TestDatabase): Promise<Map<string, string>> {
  return asked(urls.freehold_system, async (client) => {
    const kept = new Map<string, string>();
    for (const { table, columns, values } of ROWS) {
      const { rows: there } = await client.query('SELECT to_regclass($1) IS NOT NULL AS is', [table]);
      if (!there[0].is) continue;
      await client.query(`INSERT INTO ${table} (${columns}) VALUES (${values})`);
      const { rows } = await client.query(
        `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns
           FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped`,
        [table],
      );
      kept.set(`SELECT t::text AS row FROM (SELECT ${rows[0].columns} FROM ${table}) t ORDER BY 1`, '');
    }
    for (const sql of kept.keys()) kept.set(sql, JSON.stringify((await client.query(sql)).rows));
    return kept;
  });
}

/** `migrate` in a process of its own, from the build. */
function migrateProcess(url: string, migrations = MIGRATIONS): { child: ChildProcess; applied: Promise<string[]> } {
  const library = pathToFileURL(join(projectRoot(), 'dist/libs/database/src/index.js')).href;
  const script = `import { migrate } from '${library}'; console.log(JSON.stringify(await migrate(process.env.OWNER_URL, process.env.MIGRATIONS)));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, OWNER_URL: url, MIGRATIONS: migrations },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk;
  });
  const applied = once(child, 'close').then(([code]) => {
    if (code !== 0) throw new Error(`the migrating process ended with ${code}`);
    return JSON.parse(printed) as string[];
  });
  return { child, applied };
}

describe('migrate', () => {
  it.each(FILES.slice(2).map((file, at) => [file, at + 2] as const))(
    'upgrades a filled database that is older than %s, to the very shape of a new one',
    async (_file, count) => {
      const database = await createEmptyDatabase();
      expect(await migrate(database.urls.freehold_owner, releaseOf(count))).toHaveLength(count);
      const before = await fill(database);
      expect(before.size).toBeGreaterThanOrEqual(3);
      expect(await migrate(database.urls.freehold_owner)).toHaveLength(FILES.length - count);
      await asked(database.urls.freehold_system, async (client) => {
        for (const [sql, rows] of before)
          expect([sql, JSON.stringify((await client.query(sql)).rows)]).toEqual([sql, rows]);
      });
      expect(await shapeOf(database)).toEqual(await shapeOf(await createTestDatabase()));
    },
  );

  it('does nothing the second time', async () => {
    const database = await createEmptyDatabase();
    const names = loadSqlMigrations().map((each) => new each().name);
    expect(await migrate(database.urls.freehold_owner)).toEqual(names);
    expect(await migrate(database.urls.freehold_owner)).toEqual([]);
  });

  it('may be run by several processes at once: each migration is applied once', async () => {
    const database = await createEmptyDatabase();
    const runs = [1, 2, 3].map(() => migrateProcess(database.urls.freehold_owner));
    const applied = (await Promise.all(runs.map((run) => run.applied))).flat();
    expect([...applied].sort()).toEqual(
      loadSqlMigrations()
        .map((each) => new each().name as string)
        .sort(),
    );
    expect(await shapeOf(database)).toEqual(await shapeOf(await createTestDatabase()));
  });

  it('goes on after a process that was killed in the middle of a migration', async () => {
    const database = await createEmptyDatabase();
    const table = `half_${randomBytes(4).toString('hex')}`;
    const waits = join(releaseOf(FILES.length), '20991231000000-waits.sql');
    writeFileSync(waits, `CREATE TABLE ${table} (id int); SELECT pg_advisory_xact_lock(4711);`);
    await asked(database.adminUrl, async (client) => {
      await client.query('SELECT pg_advisory_lock(4711)');
      const { child, applied } = migrateProcess(database.urls.freehold_owner, folder);
      const ended = expect(applied).rejects.toThrow('ended with null');
      const waiting = `SELECT count(*)::int AS count FROM pg_locks
                        WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted AND database = (
                          SELECT oid FROM pg_database WHERE datname = current_database())`;
      await until('it waits in its last one', async () => (await client.query(waiting)).rows[0].count === 1);
      child.kill('SIGKILL');
      await ended;
      await client.query('SELECT pg_advisory_unlock(4711)');
    });
    expect(await migrate(database.urls.freehold_owner, folder)).toHaveLength(1);
  });

  it('leaves nothing of a migration that fails, and lets the next one in', async () => {
    const database = await createEmptyDatabase();
    const table = `half_${randomBytes(4).toString('hex')}`;
    const broken = join(releaseOf(FILES.length), '20991231000000-breaks.sql');
    writeFileSync(broken, `CREATE TABLE ${table} (id int); SELECT 1 / 0;`);
    await expect(migrate(database.urls.freehold_owner, folder)).rejects.toThrow('division by zero');
    await asked(database.adminUrl, async (client) => {
      const { rows } = await client.query('SELECT to_regclass($1) IS NULL AS gone', [table]);
      expect(rows).toEqual([{ gone: true }]);
    });
    writeFileSync(broken, `CREATE TABLE ${table} (id int);`);
    expect(await migrate(database.urls.freehold_owner, folder)).toHaveLength(1);
  });
});
