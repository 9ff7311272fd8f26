import pg from 'pg';

export const DATABASE_ROLES = ['freehold_owner', 'freehold_api', 'freehold_system'] as const;
export type DatabaseRole = (typeof DATABASE_ROLES)[number];

export interface PrepareDatabase {
  /** A role that may create roles and databases. */
  adminUrl: string;
  database: string;
  /** The login password of each role; existing roles get it anew. */
  passwords: Record<DatabaseRole, string>;
}

/** The URL of each role's own login. */
export type DatabaseUrls = Record<DatabaseRole, string>;

/**
 * Creates what migrations cannot: the three login roles (none may bypass row level security) and the database, owned by
 * `freehold_owner`. Idempotent; two at once wait for each other.
 */
export async function prepareDatabase({ adminUrl, database, passwords }: PrepareDatabase): Promise<DatabaseUrls> {
  const admin = new pg.Client({ connectionString: adminUrl, application_name: 'freehold-prepare' });
  await admin.connect();
  try {
    await admin.query("SELECT pg_advisory_lock(hashtext('freehold-prepare'))");
    for (const role of DATABASE_ROLES) {
      const exists = await admin.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role]);
      const verb = exists.rowCount ? 'ALTER' : 'CREATE';
      await admin.query(
        `${verb} ROLE ${role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD ${admin.escapeLiteral(passwords[role])}`,
      );
    }
    await admin.query('GRANT freehold_owner TO CURRENT_USER');
    // Migrations create the few cross-tenant functions as freehold_system, without inheriting what it may see.
    await admin.query('GRANT freehold_system TO freehold_owner WITH INHERIT FALSE, SET TRUE');
    const known = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (!known.rowCount) {
      await admin.query(`CREATE DATABASE ${admin.escapeIdentifier(database)} OWNER freehold_owner`);
    }
  } finally {
    await admin.end();
  }
  return databaseUrls(adminUrl, database, passwords);
}

/** The same server and database, as each of the three roles. */
export function databaseUrls(
  serverUrl: string,
  database: string,
  passwords: Record<DatabaseRole, string>,
): DatabaseUrls {
  const urlFor = (role: DatabaseRole): string => {
    const url = new URL(serverUrl);
    url.username = role;
    url.password = encodeURIComponent(passwords[role]);
    url.pathname = `/${database}`;
    return url.toString();
  };
  return {
    freehold_owner: urlFor('freehold_owner'),
    freehold_api: urlFor('freehold_api'),
    freehold_system: urlFor('freehold_system'),
  };
}
