import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Test, type TestingModule } from '@nestjs/testing';
import pg from 'pg';
import { DatabaseModule } from '#database';
import { createTestDatabase, type TestDatabase } from '../../../test/support/embedded-database.js';
import { KeyringModule } from './keyring.module.js';
import { SERVICE_KEY_ALGORITHMS } from './service-key.js';
import { ServiceKeys } from './service-keys.js';

let database: TestDatabase;
let folder: string;
const open: TestingModule[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'freehold-service-keys-'));
});
afterEach(async () => {
  for (const module of open.splice(0)) await module.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A process's view: its own pool, its own cache, its own reading of the key file. */
async function processAs(role: 'api' | 'system', kekFile = join(folder, 'kek')): Promise<ServiceKeys> {
  const url = role === 'api' ? database.urls.freehold_api : database.urls.freehold_system;
  const module = await Test.createTestingModule({
    imports: [
      DatabaseModule.forRoot({ url, role, applicationName: 'test', poolSize: 2 }),
      KeyringModule.forRoot({ kekFile }),
    ],
  }).compile();
  open.push(module);
  return module.get(ServiceKeys);
}

async function as(url: string, sql: string, params: unknown[] = []): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(sql, params);
  } finally {
    await client.end();
  }
}

describe('service keys', () => {
  it.each(SERVICE_KEY_ALGORITHMS)('of %s are made once, however many processes ask first', async (algorithm) => {
    const processes = await Promise.all(Array.from({ length: 6 }, () => processAs('system')));
    const name = `race-${algorithm}`;
    const keys = await Promise.all(processes.map((keys) => keys.getOrCreate(name, algorithm)));
    const shown = keys.map((key) =>
      key.algorithm === 'ed25519'
        ? Buffer.from(key.sign(Buffer.from('m'))).toString('hex')
        : Buffer.from(key.revealSecret()).toString('hex'),
    );
    expect(new Set(shown).size).toBe(1);
    const { rows } = await as(database.adminUrl, 'SELECT version FROM service_key WHERE name = $1', [name]);
    expect(rows).toEqual([{ version: 1 }]);
  });

  it('can be read by the api role, which cannot make, change or remove one', async () => {
    const made = await (await processAs('system')).getOrCreate('shared', 'ed25519');
    const api = await processAs('api');
    expect((await api.getOrCreate('shared', 'ed25519')).publicKey).toEqual(made.publicKey);
    await expect(api.getOrCreate('not-there', 'ed25519')).rejects.toThrow(/does not exist yet.*start a worker/);
    for (const url of [database.urls.freehold_api, database.urls.freehold_system]) {
      await expect(as(url, "UPDATE service_key SET sealed = '\\x00'")).rejects.toThrow(/permission denied/);
      await expect(as(url, 'DELETE FROM service_key')).rejects.toThrow(/permission denied/);
    }
  });

  it('do not open when a row was tampered with', async () => {
    const keys = await processAs('system');
    await keys.getOrCreate('original', 'ed25519');
    await keys.getOrCreate('other', 'ed25519');
    await as(
      database.adminUrl,
      `INSERT INTO service_key (name, version, algorithm, public_key, sealed)
       SELECT 'stolen', version, algorithm, public_key, sealed FROM service_key WHERE name = 'original'`,
    );
    await expect((await processAs('system')).getOrCreate('stolen', 'ed25519')).rejects.toThrow(/sealed bytes/);
    await as(
      database.adminUrl,
      `UPDATE service_key SET public_key = (SELECT public_key FROM service_key WHERE name = 'other') WHERE name = 'original'`,
    );
    await expect((await processAs('system')).getOrCreate('original', 'ed25519')).rejects.toThrow(/public half/);
    await expect((await processAs('system')).getOrCreate('other', 'symmetric-256')).rejects.toThrow(/is ed25519/);
  });

  it('asked for again after a failure are tried again', async () => {
    const keys = await processAs('api');
    await expect(keys.getOrCreate('late', 'symmetric-256')).rejects.toThrow(/does not exist yet/);
    await (await processAs('system')).getOrCreate('late', 'symmetric-256');
    await expect(keys.getOrCreate('late', 'symmetric-256')).resolves.toBeDefined();
  });

  it('leak neither into the table nor into errors', async () => {
    const key = await (await processAs('system')).getOrCreate('canary', 'symmetric-256');
    const secret = Buffer.from(key.revealSecret());
    const { rows } = await as(database.adminUrl, 'SELECT sealed, public_key FROM service_key WHERE name = $1', [
      'canary',
    ]);
    expect((rows[0] as { sealed: Buffer }).sealed.includes(secret)).toBe(false);
    const wrongKek = await processAs('system', join(folder, 'another-kek'));
    const error = await wrongKek.getOrCreate('canary', 'symmetric-256').catch((reason: unknown) => reason);
    const shown = inspect(error, { depth: 9, showHidden: true });
    expect(shown).toMatch(/put the right key file back/);
    for (const encoding of ['hex', 'base64', 'latin1'] as const) {
      expect(shown).not.toContain(secret.toString(encoding));
    }
  });
});
