import pg from 'pg';
import { createEmptyDatabase, createTestDatabase } from '../../../test/support/embedded-database.js';

async function rows(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe("the tests' own databases", () => {
  it('are migrated, one apart from the other, and open to each role under its own name', async () => {
    const [one, other] = [await createTestDatabase(), await createTestDatabase()];
    expect(one.name).not.toBe(other.name);
    for (const [role, url] of Object.entries(one.urls)) {
      expect(await rows(url, 'SELECT current_user AS role, current_database() AS name')).toEqual([
        { role, name: one.name },
      ]);
    }
    const migrations = await rows(one.urls.freehold_owner, 'SELECT count(*)::int AS n FROM schema_migration');
    expect(migrations[0]?.n).toBeGreaterThan(0);
    await rows(one.urls.freehold_owner, 'CREATE TABLE only_here (id int)');
    expect(await rows(other.urls.freehold_owner, "SELECT to_regclass('only_here') AS found")).toEqual([
      { found: null },
    ]);
  });

  it('can be had empty', async () => {
    const empty = await createEmptyDatabase();
    expect(
      await rows(empty.urls.freehold_owner, "SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'public'"),
    ).toEqual([{ n: 0 }]);
  });

  it('come from a server that does not wait for the disk and listens on loopback only', async () => {
    const { adminUrl } = await createEmptyDatabase();
    const [settings] = await rows(
      adminUrl,
      "SELECT current_setting('fsync') AS fsync, current_setting('listen_addresses') AS listen, current_setting('unix_socket_directories') AS sockets",
    );
    expect(settings).toEqual({ fsync: 'off', listen: '127.0.0.1', sockets: '' });
  });
});
