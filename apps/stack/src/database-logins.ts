import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { projectRoot, type Settings } from '#config';
import { readOrCreatePrivateFile, runScript } from '#embedded';
import type { DatabaseLogins, DatabasePlan } from './prepare-database.js';

/**
 * Brings the database up to date and gives the logins that the processes use. Runs in a process of its own: what migrations
 * load (TypeORM, BullMQ) would stay in the supervisor's memory for good.
 * @param embeddedAdminUrl of the embedded PostgreSQL; null when DATABASE_URL names one
 */
export async function prepareLogins(
  settings: Settings,
  embeddedAdminUrl: string | null,
  abort: AbortSignal,
): Promise<DatabaseLogins> {
  const plan = planFor(settings, embeddedAdminUrl);
  const script = {
    script: join(projectRoot(), 'dist/apps/stack/src/prepare-database.js'),
    env: { ...process.env, DATABASE_PLAN: JSON.stringify(plan) },
  };
  return (await runScript('preparing the database', script, abort)) as DatabaseLogins;
}

function planFor(settings: Settings, embeddedAdminUrl: string | null): DatabasePlan {
  const { databaseApiUrl, databaseSystemUrl, databaseUrl, redisUrl } = settings;
  const queueInDatabase = redisUrl === undefined;
  if (databaseUrl !== undefined && databaseApiUrl !== undefined && databaseSystemUrl !== undefined) {
    return { kind: 'given', owner: databaseUrl, api: databaseApiUrl, system: databaseSystemUrl, queueInDatabase };
  }
  const adminUrl = embeddedAdminUrl ?? databaseUrl;
  if (adminUrl === undefined) throw new Error('there is neither an embedded database nor DATABASE_URL');
  return { kind: 'admin', adminUrl, passwords: keptPasswords(settings.dataDir), queueInDatabase };
}

function keptPasswords(dataDir: string): Record<'freehold_owner' | 'freehold_api' | 'freehold_system', string> {
  const draw = () => randomBytes(24).toString('base64url');
  const text = readOrCreatePrivateFile(join(dataDir, 'database-passwords.json'), () =>
    JSON.stringify({ freehold_owner: draw(), freehold_api: draw(), freehold_system: draw() }),
  );
  return JSON.parse(text);
}
