import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { projectRoot } from './project-root.js';

const FILE_NAME = /^(\d{14})-([a-z0-9-]+)\.sql$/;

/** All processes that migrate one database at once wait for the first; the number is "freehold" in a phone's letters. */
const MIGRATION_LOCK = 37334653;

type MigrationClass = new () => MigrationInterface;

/**
 * Makes a TypeORM migration of each `migrations/YYYYMMDDHHMMSS-name.sql`, so that TypeORM keeps the books and the SQL stays
 * readable SQL. A migration that has landed is never edited; what it left wrong, the next one mends.
 */
export function loadSqlMigrations(folder = join(projectRoot(), 'migrations')): MigrationClass[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => sqlMigration(name, readFileSync(join(folder, name), 'utf8')));
}

function sqlMigration(fileName: string, sql: string): MigrationClass {
  const match = FILE_NAME.exec(fileName);
  if (!match?.[1] || !match[2])
    throw new Error(`migrations/${fileName}: the name must be YYYYMMDDHHMMSS-lower-case-words.sql`);
  const [, stamp, words] = match;
  const at = Date.parse(stamp.replace(/(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/, '$1-$2-$3T$4:$5:$6Z'));
  if (Number.isNaN(at)) throw new Error(`migrations/${fileName}: ${stamp} is not a time`);
  const camel = words.replace(/(^|-)([a-z0-9])/g, (_all, _dash, letter: string) => letter.toUpperCase());
  return class implements MigrationInterface {
    readonly name = `${camel}${at}`;
    async up(runner: QueryRunner): Promise<void> {
      await runner.query(sql);
    }
    async down(): Promise<void> {
      throw new Error(`${fileName} is not reversible: restore a backup, or write a migration that mends it`);
    }
  };
}

/** Brings a database up to date. Safe to run from several processes at once. Returns the names of what was applied. */
export async function migrate(ownerUrl: string, folder?: string): Promise<string[]> {
  const dataSource = new DataSource({
    type: 'postgres',
    url: ownerUrl,
    migrations: loadSqlMigrations(folder),
    migrationsTableName: 'schema_migration',
    migrationsTransactionMode: 'each',
    extra: { max: 2, application_name: 'freehold-migrate' },
  });
  await dataSource.initialize();
  const lock = dataSource.createQueryRunner();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const applied = await dataSource.runMigrations();
    return applied.map((migration) => migration.name);
  } finally {
    await lock.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
    await lock.release();
    await dataSource.destroy();
  }
}
