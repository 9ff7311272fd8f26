import { Test } from '@nestjs/testing';
import pg from 'pg';
import { Database, DatabaseModule } from '#database';
import { newId } from '#kernel';
import { createLogger } from '#telemetry';
import { createTestDatabase } from '../../../test/support/embedded-database.js';
import { ForgetReplies } from './forget-replies.js';

it('forgets replies after a day, and none before', async () => {
  const { urls, adminUrl } = await createTestDatabase();
  const system = await Test.createTestingModule({
    imports: [
      DatabaseModule.forRoot({ url: urls.freehold_system, role: 'system', applicationName: 'sweep', poolSize: 2 }),
    ],
  }).compile();
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    for (const [key, age] of [
      ['old', '24 hours 1 minute'],
      ['young', '23 hours 59 minutes'],
    ]) {
      await admin.query(
        "INSERT INTO idempotency_record (tenant_id, scope, key, request_hash, status, created_at) VALUES ($1, 's', $2, '', 200, now() - $3::interval)",
        [newId('tenant'), key, age],
      );
    }
    const sweep = new ForgetReplies(system.get(Database), createLogger({ process: 'test', level: 'silent' }));
    expect(await sweep.sweep()).toBe(1);
    expect(await sweep.sweep()).toBe(0);
    expect((await admin.query('SELECT key FROM idempotency_record')).rows).toEqual([{ key: 'young' }]);
  } finally {
    await admin.end();
    await system.close();
  }
});
