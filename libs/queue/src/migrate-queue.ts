import { runMigrations } from 'bullmq';
import pg from 'pg';

const SCHEMA = 'bullmq';

/** All but the sequences that the system role made itself, a queue's first jobs each: the owner may not grant those. */
const GRANT_SEQUENCES = `
      DO $$
      DECLARE
        own regclass;
      BEGIN
        FOR own IN SELECT oid FROM pg_class WHERE relnamespace = '${SCHEMA}'::regnamespace AND relkind = 'S'
                      AND pg_has_role(relowner, 'USAGE') LOOP
          EXECUTE format('GRANT USAGE, SELECT, UPDATE ON SEQUENCE %s TO freehold_system', own);
        END LOOP;
      END
      $$;`;

/**
 * Brings the queue's own schema up to date, as the owner's login; the system role gets to use it, the api role gets
 * nothing. Idempotent and safe from several processes at once. Not needed when the queue is in Redis.
 */
export async function migrateQueue(ownerUrl: string): Promise<void> {
  // The queue's functions make a sequence for each queue when it is first used: that takes CREATE in the schema.
  const client = new pg.Client({ connectionString: ownerUrl, application_name: 'freehold-migrate-queue' });
  await client.connect();
  try {
    await runMigrations(client, SCHEMA);
    // Two at once would update the same catalogue rows; the lock is held until the grants are committed.
    await client.query(`
      BEGIN;
      SELECT pg_advisory_xact_lock(hashtext('freehold-migrate-queue'));
      REVOKE ALL ON SCHEMA ${SCHEMA} FROM PUBLIC;
      REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ${SCHEMA} FROM PUBLIC;
      GRANT USAGE, CREATE ON SCHEMA ${SCHEMA} TO freehold_system;
      GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA ${SCHEMA} TO freehold_system;
      ${GRANT_SEQUENCES}
      GRANT EXECUTE ON ALL ROUTINES IN SCHEMA ${SCHEMA} TO freehold_system;
      COMMIT;
    `);
  } finally {
    await client.end();
  }
}
