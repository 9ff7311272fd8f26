import { type DatabaseRole, migrate, prepareDatabase } from '#database';
import { migrateQueue } from '#queue';

/** What to bring up to date: a server on which we may make roles, or the logins of roles that are there. */
export type DatabasePlan = { queueInDatabase: boolean } & (
  | { kind: 'admin'; adminUrl: string; passwords: Record<DatabaseRole, string> }
  | { kind: 'given'; owner: string; api: string; system: string }
);

/** The URLs with which the processes log in. */
export interface DatabaseLogins {
  api: string;
  system: string;
}

const DEFAULT_DATABASE = 'freehold';

/** Reads the plan from DATABASE_PLAN (it holds passwords, and other users can read a command line); prints the logins. */
async function run(plan: DatabasePlan): Promise<DatabaseLogins> {
  const { owner, api, system } = plan.kind === 'given' ? plan : await makeRoles(plan);
  await migrate(owner);
  if (plan.queueInDatabase) await migrateQueue(owner);
  return { api, system };
}

async function makeRoles({ adminUrl, passwords }: DatabasePlan & { kind: 'admin' }) {
  const named = new URL(adminUrl).pathname.slice(1);
  const database = named === '' || named === 'postgres' ? DEFAULT_DATABASE : named;
  const urls = await prepareDatabase({ adminUrl, database, passwords });
  return { owner: urls.freehold_owner, api: urls.freehold_api, system: urls.freehold_system };
}

try {
  const logins = await run(JSON.parse(process.env.DATABASE_PLAN ?? '') as DatabasePlan);
  process.stdout.write(`${JSON.stringify(logins)}\n`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
