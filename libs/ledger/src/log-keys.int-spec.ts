import { readFile, writeFile } from 'node:fs/promises';
import { Test, type TestingModule } from '@nestjs/testing';
import pg from 'pg';
import { DatabaseModule } from '#database';
import { KeyringModule } from '#keyring';
import { formatVkey, parseCheckpoint, parseNote, parseVkey, verifyNote } from '#merkle';
import { followLogKeys, nodeCrypto, parsePromise, verifyPromise } from '#proof';
import { ClockModule } from '#telemetry';
import { startTestApi, type TestApi } from '../../../test/support/test-api.js';
import { until } from '../../../test/support/until.js';
import { LedgerModule, LogIdentity, Sequencer, SequencerModule } from './index.js';

const crypto = nodeCrypto;
const workers: TestingModule[] = [];
let api: TestApi;
let admin: pg.Client;

beforeEach(async () => {
  api = await startTestApi();
  admin = new pg.Client({ connectionString: api.database.adminUrl });
  await admin.connect();
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.close();
  await admin.end();
  await api.close();
});

/** A worker process of its own, with its sequencer turned by hand. */
async function worker(): Promise<{ sequencer: Sequencer; identity: LogIdentity; module: TestingModule }> {
  const module = await Test.createTestingModule({
    imports: [
      DatabaseModule.forRoot({ url: api.database.urls.freehold_system, role: 'system', applicationName: 'test' }),
      ClockModule.forRoot(),
      KeyringModule.forRoot(api.settings),
      LedgerModule.forRoot(api.settings),
      SequencerModule.forRoot(api.settings),
    ],
  }).compile();
  workers.push(module);
  return { module, sequencer: module.get(Sequencer), identity: module.get(LogIdentity) };
}

const rotate = (query = '') => api.operator('POST', `/v1/system/log/keys${query}`);
const keys = async () => (await api.caller(null)('GET', '/v1/log/keys')).body;
const checkpoint = async () => (await api.caller(null)('GET', '/v1/log/checkpoint')).body as string;
const sizeOf = (note: string) => parseCheckpoint(parseNote(note).text).size;

/** As an auditor who pinned the first key follows it: the keys, and that the newest checkpoint holds under the right one. */
async function followed(pinned: string) {
  const { links, checkpoint: note } = await keys();
  const schedule = await followLogKeys(crypto, pinned, links, parseCheckpoint(parseNote(note).text));
  await verifyNote(note, [schedule.keyFor(sizeOf(note))], crypto.ed25519Verify);
  return schedule;
}

describe('a change of the key of the log', () => {
  it('is an entry by which everybody gets from the first key to the new one', async () => {
    const { sequencer } = await worker();
    const { vkey: first } = (await api.caller(null)('GET', '/v1/log')).body;
    await sequencer.tick();
    const before = await checkpoint();

    const started = await rotate();
    expect(started).toMatchObject({ status: 201, body: { version: 2 } });
    const { vkey, promise, ledgerEntryId } = started.body;
    expect(started.body.entryId).toBe(ledgerEntryId);
    await expect(verifyPromise(crypto, promise, parseVkey(crypto.sha256, first))).resolves.toMatchObject({
      entryId: ledgerEntryId,
    });
    expect(await keys()).toMatchObject({ keys: [{ vkey: first, firstSize: 1, lastSize: null }], links: [] });

    expect(await sequencer.tick()).toBe(1);
    const after = await checkpoint();
    await expect(verifyNote(after, [parseVkey(crypto.sha256, vkey)], crypto.ed25519Verify)).resolves.toBeDefined();
    await expect(verifyNote(before, [parseVkey(crypto.sha256, first)], crypto.ed25519Verify)).resolves.toBeDefined();
    expect((await keys()).keys).toMatchObject([
      { vkey: first, firstSize: 1, lastSize: sizeOf(after) - 1, entryId: null },
      { vkey, firstSize: sizeOf(after), lastSize: null, entryId: ledgerEntryId },
    ]);
    const schedule = await followed(first);
    expect(schedule.keys.map(formatVkey)).toEqual([first, vkey]);
    expect(formatVkey(schedule.keyFor(sizeOf(before)))).toBe(first);
  });

  it('can be made again and again; the api learns of each without being started again', async () => {
    const { sequencer } = await worker();
    const { vkey: first } = (await api.caller(null)('GET', '/v1/log')).body;
    const made = [first];
    for (let round = 0; round < 3; round++) {
      const { vkey } = (await rotate()).body;
      made.push(vkey);
      await sequencer.tick();
      await until('the api signs promises with the new key', async () => {
        const { body } = await api.operator('POST', '/v1/system/tenants', {
          name: `tenant of round ${round} ${Math.random()}`,
          rootPublicKey: Buffer.alloc(32, 7).toString('base64'),
          viewKey: Buffer.alloc(32, 8).toString('base64'),
        });
        expect(parsePromise(body.promise).entryId).toBe(body.ledgerEntryId);
        const [signature] = parseNote(body.promise).signatures;
        return signature!.keyId === parseVkey(crypto.sha256, vkey).keyId;
      });
      await sequencer.tick();
      expect((await followed(first)).keys.map(formatVkey)).toEqual(made);
    }
    // Who pins a later key gets on from there.
    expect((await followed(made[2]!)).keys.map(formatVkey)).toEqual(made.slice(2));
  });

  it('is for the operator alone, waits for the one before, and can be tried out', async () => {
    const { sequencer } = await worker();
    const tenant = await api.tenant();
    expect((await tenant.call('POST', '/v1/system/log/keys')).status).toBe(403);
    expect((await api.caller(null)('POST', '/v1/system/log/keys')).status).toBe(401);
    expect((await rotate('?dryRun=true')).status).toBe(200);
    expect((await admin.query('SELECT FROM ledger_key_rotation')).rowCount).toBe(0);
    expect((await admin.query("SELECT FROM service_key WHERE name = 'ledger-log'")).rowCount).toBe(1);

    const key = { 'idempotency-key': 'rotate-once' };
    const first = await api.operator('POST', '/v1/system/log/keys', undefined, key);
    const again = await api.operator('POST', '/v1/system/log/keys', undefined, key);
    expect(again.body).toEqual(first.body);
    expect(await rotate()).toMatchObject({ status: 409, body: { code: 'LogKeyRotationPending' } });
    await sequencer.tick();
    expect((await rotate()).status).toBe(201);
  });

  it('of several operators at once: one is taken, the others are told to wait', async () => {
    const replies = await Promise.all([1, 2, 3, 4].map(() => rotate()));
    expect(replies.map((reply) => reply.status).sort()).toEqual([201, 409, 409, 409]);
  });

  it('holds over a take-over: the head file is of the new key, and the next process goes on with it', async () => {
    const first = await worker();
    await rotate();
    await first.sequencer.tick();
    const signed = await checkpoint();
    await first.module.close();
    workers.splice(workers.indexOf(first.module), 1);
    const second = await worker();
    await api.tenant();
    expect(await second.sequencer.tick()).toBeGreaterThan(0);
    const { vkey } = (await api.caller(null)('GET', '/v1/log')).body;
    const schedule = await followed(vkey);
    await verifyNote(signed, [schedule.keyFor(sizeOf(signed))], crypto.ed25519Verify);
    expect(sizeOf(await checkpoint())).toBeGreaterThan(sizeOf(signed));
  });

  it('does not let the old key sign on: a head file of it behind the entry stops the log', async () => {
    const first = await worker();
    const old = first.identity.keyFor(1);
    await rotate();
    await first.sequencer.tick();
    const size = sizeOf(await checkpoint());
    expect(first.identity.keyFor(size)).not.toEqual(old);
    const file = api.settings.ledgerHeadFile;
    const content = JSON.parse(await readFile(file, 'utf8'));
    const text = parseNote(content.checkpoint).text;
    // The signature of the old key over this very head, as a thief of that key would make it.
    const thief = first.identity as unknown as { held: { secret: { sign(bytes: Uint8Array): Uint8Array } }[] };
    const id = Buffer.alloc(4);
    id.writeUInt32BE(old.keyId);
    const line = Buffer.concat([id, thief.held[0]!.secret.sign(Buffer.from(text))]).toString('base64');
    await first.module.close();
    workers.splice(workers.indexOf(first.module), 1);
    await writeFile(file, JSON.stringify({ ...content, checkpoint: `${text}\n\u2014 ${old.name} ${line}\n` }));
    const second = await worker();
    await expect(second.sequencer.tick()).rejects.toThrow('no known key signed');
    expect(second.sequencer.status().state).toBe('halted');
  });

  it('is kept: neither its row nor the body of its entry can be changed, whatever else is erased', async () => {
    await rotate();
    await admin.query('ALTER TABLE ledger_entry DISABLE TRIGGER refuse_rewrite');
    const erase = "UPDATE ledger_entry SET salt = '\\x00' WHERE id = (SELECT entry_id FROM ledger_key_rotation)";
    await expect(admin.query(erase)).rejects.toThrow('the entry of a log key is kept');
    await expect(admin.query("UPDATE ledger_key_rotation SET vkey = 'x'")).rejects.toThrow('append-only');
  });
});
