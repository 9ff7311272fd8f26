import { randomUUID } from 'node:crypto';
import { newId } from '#kernel';
import { nodeCrypto, verifyBundle } from '#proof';
import { type ApiWithLog, startApiWithLog } from '../../../test/support/api-with-log.js';

const crypto = nodeCrypto;
const SECRET = 'the name that is to be forgotten';
const REASON = 'a request to be forgotten';
let api: ApiWithLog;
let acme: Awaited<ReturnType<ApiWithLog['tenant']>>;
let vpcId: string;
let globex: Awaited<ReturnType<ApiWithLog['tenant']>>;

beforeAll(async () => {
  api = await startApiWithLog();
  acme = await api.tenant();
  globex = await api.tenant();
  vpcId = (await acme.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' })).body.id;
});
afterAll(() => api?.close());

async function rename(headers = {}): Promise<{ entryId: string; body: object }> {
  const reply = await acme.call('PATCH', `/v1/vpcs/${vpcId}`, { name: SECRET }, headers);
  expect(reply.status).toBe(200);
  return { entryId: reply.body.ledgerEntryId, body: reply.body };
}

const erase = (entryId: string, body: object = { scope: 'body', reason: REASON }, suffix = '', headers = {}) =>
  acme.call('POST', `/v1/ledger/entries/${entryId}/erasures${suffix}`, body, headers);

async function verified(options: { viewKey?: boolean } = { viewKey: true }) {
  const { vkey } = (await api.caller(null)('GET', '/v1/log')).body;
  const bundle = await api.bytes('/v1/ledger/bundle', acme.apiKey);
  const report = await verifyBundle([bundle], {
    crypto,
    log: vkey,
    ...(options.viewKey ? { viewKey: acme.viewKey } : {}),
  });
  return { report, text: Buffer.from(bundle).toString() };
}

describe('an erased entry', () => {
  it('says nothing any more, anywhere that this service keeps it, and the log stays whole', async () => {
    const key = randomUUID();
    const { entryId } = await rename({ 'idempotency-key': key });
    await api.sequencer.tick();
    const reply = await erase(entryId);
    expect(reply).toMatchObject({
      status: 201,
      body: {
        entryId,
        scope: 'body',
        reason: REASON,
        ledgerEntryId: expect.stringMatching(/^led-/),
        promise: expect.any(String),
      },
    });
    await api.sequencer.tick();
    const rows = await api.sql(`SELECT to_jsonb(e) AS row FROM ledger_entry e WHERE id = $1`, [entryId]);
    const filled = Object.entries((rows[0] as { row: object }).row).filter(([, value]) => value !== null);
    expect(filled.map(([name]) => name).sort()).toEqual(['committed_at', 'erased_by', 'id', 'tenant_id']);
    const [record] = await api.sql('SELECT body::text FROM idempotency_record WHERE key = $1', [key]);
    expect(JSON.parse((record as { body: string }).body)).toEqual({ ledgerEntryId: entryId, erased: true });
    const again = await rename({ 'idempotency-key': key });
    expect(again.body).toEqual({ ledgerEntryId: entryId, erased: true });
    const { report } = await verified();
    expect(report).toMatchObject({ ok: true, complete: true });
    expect((await verified({})).report).toMatchObject({ ok: true });
  });

  it('is shown as such by every reader', async () => {
    const { entryId } = await rename();
    await api.sequencer.tick();
    const erased = (await erase(entryId)).body.ledgerEntryId as string;
    await api.sequencer.tick();
    const path = `/v1/ledger/entries/${entryId}`;
    const entry = await acme.call('GET', path);
    expect(entry).toMatchObject({
      status: 200,
      body: {
        id: entryId,
        state: 'published',
        action: null,
        resource: null,
        body: null,
        erasedBy: erased,
        index: expect.any(Number),
      },
    });
    const listed = (await acme.call('GET', '/v1/ledger/entries?limit=1000')).body.items as {
      id: string;
      erasedBy: string;
    }[];
    expect(listed.find(({ id }) => id === entryId)?.erasedBy).toBe(erased);
    expect(await acme.call('GET', `${path}/receipt`)).toMatchObject({
      status: 409,
      body: { code: 'EntryErased', erased: [{ id: entryId, erasedBy: erased }] },
    });
    const saying = (await acme.call('GET', `/v1/ledger/entries/${erased}`)).body;
    expect(saying).toMatchObject({
      class: 'audit',
      action: 'ledger-entry.erased',
      resource: { type: 'ledger-entry', id: entryId },
      before: null,
      after: { scope: 'body', reason: REASON },
    });
    const { text } = await verified();
    const lines = text.split('\n').filter((line) => line.includes(entryId));
    expect(JSON.parse(lines[0]!).entry).toEqual({ id: entryId, seq: expect.any(Number), erased: true });
  });

  it('can be followed by others: the sequencer goes on, also after a take-over', async () => {
    await rename();
    expect(await api.sequencer.tick()).toBeGreaterThan(0);
    expect((await verified()).report.ok).toBe(true);
  });
});

describe('an erasure', () => {
  it('is refused before the log has the entry, twice, and of what other proofs stand on', async () => {
    const { entryId } = await rename();
    expect(await erase(entryId)).toMatchObject({ status: 409, body: { code: 'ReceiptNotReady' } });
    await api.sequencer.tick();
    const erased = (await erase(entryId)).body.ledgerEntryId as string;
    expect(await erase(entryId)).toMatchObject({ status: 409, body: { code: 'EntryErased' } });
    await api.sequencer.tick();
    const genesis = (await acme.call('GET', '/v1/ledger/entries?limit=1')).body.items[0].id as string;
    for (const id of [genesis, erased]) {
      expect(await erase(id)).toMatchObject({
        status: 409,
        body: { code: 'EntryNotErasable', errors: [{ rule: 'entry.erasable', fix: expect.any(String) }] },
      });
    }
  });

  it('repeated with its key is answered as the first time', async () => {
    const { entryId } = await rename();
    await api.sequencer.tick();
    const headers = { 'idempotency-key': randomUUID() };
    const first = await erase(entryId, undefined, '', headers);
    expect(await erase(entryId, undefined, '', headers)).toMatchObject({ status: 201, body: first.body });
  });

  it('tried out erases nothing', async () => {
    const { entryId } = await rename();
    await api.sequencer.tick();
    expect(await erase(entryId, undefined, '?dryRun=true')).toMatchObject({
      status: 200,
      body: { entryId, dryRun: true },
    });
    expect((await acme.call('GET', `/v1/ledger/entries/${entryId}`)).body.action).toBe('vpc.updated');
  });

  it('of one entry by two at once happens once', async () => {
    const { entryId } = await rename();
    await api.sequencer.tick();
    const replies = await Promise.all([1, 2, 3, 4].map(() => erase(entryId)));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    expect(replies.filter(({ body }) => body.code === 'EntryErased')).toHaveLength(3);
    const saying = await api.sql("SELECT FROM ledger_entry WHERE action = 'ledger-entry.erased' AND resource_id = $1", [
      entryId,
    ]);
    expect(saying).toHaveLength(1);
  });

  it.each([
    [{ scope: 'body' }, '/reason'],
    [{ scope: 'body', reason: 'short' }, '/reason'],
    [{ scope: 'everything', reason: REASON }, '/scope'],
    [{ scope: 'body', reason: `${'long'.repeat(200)}` }, '/reason'],
    [{ scope: 'body', reason: 'with a \u0000 in it' }, '/reason'],
  ])('with %j is refused', async (body, pointer) => {
    expect(await erase(newId('ledgerEntry'), body)).toMatchObject({ status: 400, body: { errors: [{ pointer }] } });
  });

  it("of somebody else's entry is one of an entry that does not exist", async () => {
    const { entryId } = await rename();
    await api.sequencer.tick();
    const body = { scope: 'body', reason: REASON };
    const foreign = await globex.call('POST', `/v1/ledger/entries/${entryId}/erasures`, body);
    const unknown = newId('ledgerEntry');
    const absent = await globex.call('POST', `/v1/ledger/entries/${unknown}/erasures`, body);
    expect(foreign.status).toBe(404);
    const bare = ({ body: { instance: _i, requestId: _r, ...rest } }: typeof foreign) => JSON.stringify(rest);
    expect(bare(foreign).replaceAll(entryId, 'X')).toBe(bare(absent).replaceAll(unknown, 'X'));
  });
});

describe('the table', () => {
  it('lets nobody take a body away by hand: not without the entry that says so, not with one of another transaction', async () => {
    const { entryId } = await rename();
    const { entryId: other } = await rename();
    await api.sequencer.tick();
    const by = (await erase(other)).body.ledgerEntryId as string;
    const columns = await api.sql<{ name: string }>(
      `SELECT attname AS name FROM pg_attribute WHERE attrelid = 'ledger_entry'::regclass AND attnum > 0
          AND NOT attisdropped AND attname NOT IN ('tenant_id', 'id', 'committed_at', 'erased_by')`,
    );
    const nothing = columns.map(({ name }) => `${name} = NULL`).join(', ');
    const refused = /append-only|ledger_entry_whole_or_erased/;
    for (const erasing of [by, entryId, 'led-00000000000000000']) {
      const sql = `UPDATE ledger_entry SET ${nothing}, erased_by = '${erasing}' WHERE id = '${entryId}'`;
      await expect(api.sql(sql)).rejects.toThrow(refused);
      await expect(api.sql(`SET session_replication_role = replica; ${sql}`)).rejects.toThrow(refused);
      await api.sql('SET session_replication_role = origin');
    }
    await expect(api.sql(`UPDATE ledger_entry SET erased_by = NULL WHERE id = '${other}'`)).rejects.toThrow(refused);
    await expect(api.sql(`UPDATE ledger_entry SET body = '{}' WHERE id = '${other}'`)).rejects.toThrow(refused);
  });

  it('lets no tenant call for the erasure of an entry without one about it', async () => {
    const { entryId } = await rename();
    await api.sequencer.tick();
    const call = `SET ROLE freehold_api; SELECT set_config('app.tenant', '${acme.id}', true);
                  SELECT crosstenant.erase_ledger_entry('${entryId}', '${entryId}')`;
    await expect(api.sql(call)).rejects.toThrow(/append-only/);
    await api.sql('RESET ROLE');
  });
});
