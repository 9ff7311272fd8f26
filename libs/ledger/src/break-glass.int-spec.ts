import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { newId, SYSTEM_TENANT_ID } from '#kernel';
import { type ApiWithLog, startApiWithLog } from '../../../test/support/api-with-log.js';

const CANARY = 'a name that only its tenant knows';
const REASON = 'a court order of the ninth';
let api: ApiWithLog;
let acme: Awaited<ReturnType<ApiWithLog['tenant']>>;
let entryId: string;

beforeAll(async () => {
  api = await startApiWithLog();
  acme = await api.tenant();
  const vpc = await acme.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16', name: CANARY, tags: { canary: CANARY } });
  entryId = vpc.body.ledgerEntryId;
  await api.sequencer.tick();
});
afterAll(() => api?.close());

const breakGlass = (body: object, headers = {}, tenant = acme.id, suffix = '') =>
  api.operator('POST', `/v1/system/tenants/${tenant}/break-glass${suffix}`, body, headers);

describe('the operator', () => {
  it("reads a tenant's entry for a reason, which both chains tell", async () => {
    const reply = await breakGlass({ reason: REASON, entryIds: [entryId] });
    expect(reply.status).toBe(201);
    expect(reply.body.entries).toMatchObject([{ id: entryId, action: 'vpc.created', after: { name: CANARY } }]);
    await api.sequencer.tick();
    const actor = (await api.operator('GET', '/v1/users')).body.items[0].id;
    for (const call of [acme.call, api.operator]) {
      const { items } = (await call('GET', '/v1/ledger/entries?action=break-glass.read')).body;
      expect(items).toMatchObject([
        {
          class: 'audit',
          actor: { type: 'user', id: actor },
          resource: { type: 'tenant', id: acme.id },
          after: { reason: REASON, entryIds: [entryId], scope: null },
        },
      ]);
      expect(Buffer.from(items[0].body, 'base64').toString()).not.toContain(CANARY);
    }
  });

  it('reads a stretch of the list, and what was shown is in the record', async () => {
    const reply = await breakGlass({ reason: REASON, scope: { fromSeq: 2, limit: 2 } });
    expect(reply.body.entries.map(({ tenantSeq }: { tenantSeq: number }) => tenantSeq)).toEqual([2, 3]);
    const { after } = (await acme.call('GET', `/v1/ledger/entries/${reply.body.ledgerEntries[1].ledgerEntryId}`)).body;
    expect(after).toEqual({
      reason: REASON,
      entryIds: reply.body.entries.map(({ id }: { id: string }) => id),
      scope: { fromSeq: 2, limit: 2 },
    });
  });

  it('is shown nothing without a record: not when it is tried out, not when the request comes again', async () => {
    const body = { reason: REASON, entryIds: [entryId] };
    const tried = await breakGlass(body, {}, acme.id, '?dryRun=true');
    expect(tried).toMatchObject({ status: 200, body: { entries: null, dryRun: true } });
    const headers = { 'idempotency-key': randomUUID() };
    expect((await breakGlass(body, headers)).body.entries).toHaveLength(1);
    const again = await breakGlass(body, headers);
    expect(again).toMatchObject({ status: 201, body: { entries: null, secretWasShown: true } });
    const kept = await api.sql('SELECT body::text FROM idempotency_record');
    expect(JSON.stringify(kept)).not.toContain(CANARY);
  });

  it.each([
    [{ entryIds: [newId('ledgerEntry')] }, '/reason'],
    [{ reason: 'too short', entryIds: [newId('ledgerEntry')] }, '/reason'],
    [{ reason: 'x'.repeat(501), entryIds: [newId('ledgerEntry')] }, '/reason'],
    [{ reason: REASON, entryIds: [] }, '/entryIds'],
    [{ reason: REASON, scope: { fromSeq: 1, limit: 101 } }, '/scope/limit'],
    [{ reason: REASON, scope: { fromSeq: 0, limit: 1 } }, '/scope/fromSeq'],
    [{ reason: REASON, entryIds: ['led-00000000000000000'] }, '/entryIds/0'],
  ])('is refused %j', async (body, pointer) => {
    expect(await breakGlass(body)).toMatchObject({ status: 400, body: { errors: [{ pointer }] } });
  });

  it('is refused neither and both, tenants that are not there, and itself', async () => {
    const scope = { fromSeq: 1, limit: 1 };
    expect((await breakGlass({ reason: REASON })).status).toBe(400);
    expect((await breakGlass({ reason: REASON, entryIds: [entryId], scope })).status).toBe(400);
    for (const tenant of [newId('tenant'), SYSTEM_TENANT_ID]) {
      expect((await breakGlass({ reason: REASON, scope }, {}, tenant)).status).toBe(404);
    }
    expect(
      (await acme.call('POST', `/v1/system/tenants/${acme.id}/break-glass`, { reason: REASON, scope })).status,
    ).toBe(403);
  });

  it("has no other way to what a tenant's entries say", async () => {
    const document = (await api.caller(null)('GET', '/openapi.json')).body;
    const seen: string[] = [];
    for (const [path, methods] of Object.entries(document.paths as Record<string, object>)) {
      if (!('get' in methods) || path.endsWith('/events')) continue;
      const filled = path
        .replace('{tenantId}', acme.id)
        .replace('{entryId}', entryId)
        .replace('{*}', 'entries/000.p/1')
        .replace(/\{\w+\}/g, acme.id);
      const reply = await fetch(api.url + filled, { headers: { authorization: `Bearer ${await operatorKey()}` } });
      if ((await reply.text()).includes(CANARY)) seen.push(path);
    }
    expect(seen).toEqual([]);
    expect((await api.operator('GET', `/v1/ledger/entries/${entryId}`)).status).toBe(404);
  });

  it('finds them neither in what its role may read nor in what functions give it', async () => {
    const client = new pg.Client({ connectionString: api.database.urls.freehold_api });
    await client.connect();
    try {
      await client.query("SELECT set_config('app.tenant', $1, false)", [SYSTEM_TENANT_ID]);
      const own = await client.query('SELECT DISTINCT tenant_id FROM ledger_entry');
      expect(own.rows).toEqual([{ tenant_id: SYSTEM_TENANT_ID }]);
      // Functions that see across tenants and give bytes: the log's keys, which are the operator's, and leaves, which are open.
      const { rows } = await client.query<{ name: string }>(
        `SELECT DISTINCT p.proname AS name FROM pg_proc p
          WHERE p.pronamespace = 'crosstenant'::regnamespace AND has_function_privilege(p.oid, 'EXECUTE')
            AND (p.proargnames && ARRAY['body', 'salt', 'document', 'leaf'])`,
      );
      expect(rows.map(({ name }) => name).sort()).toEqual(['log_key_rotations', 'log_leaves']);
    } finally {
      await client.end();
    }
  });
});

let key: string | undefined;
async function operatorKey(): Promise<string> {
  const user = (await api.operator('GET', '/v1/users')).body.items[0].id;
  key ??= (await api.operator('POST', '/v1/api-keys', { userId: user, name: 'a second one' })).body.apiKey as string;
  return key;
}
