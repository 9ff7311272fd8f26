import { freehold } from '../../../apps/cli/src/testing/recording-terminal.js';
import { logBeside } from '../../../test/support/api-with-log.js';
import { DnsServer } from '../../../test/support/dns-server.js';
import type { TestReply } from '../../../test/support/test-api.js';
import { type StageTenant, WebhookStage } from './testing/webhook-stage.js';

const HOOK = 'https://hooks.example/in';
let dns: DnsServer;
let stage: WebhookStage;
let acme: StageTenant;

beforeAll(async () => {
  dns = await DnsServer.start();
  dns.set('hooks.example', '1.1.1.1', '2606:4700::1111');
  const closed = { FREEHOLD_EGRESS_ALLOW: '', FREEHOLD_EGRESS_HTTP: '', FREEHOLD_EGRESS_DNS: dns.address };
  stage = await WebhookStage.open(closed);
  acme = await stage.tenant();
});
afterAll(async () => {
  await stage?.close();
  dns?.stop();
});

const create = (body: unknown, headers: Record<string, string> = {}) =>
  acme.call('POST', '/v1/webhooks', body, headers);

async function entryOf(reply: TestReply) {
  return (await acme.call('GET', `/v1/ledger/entries/${reply.body.ledgerEntryId}`)).body;
}

describe('a webhook', () => {
  it('is created with a secret that is shown once, read, changed, listed and deleted, each change an entry', async () => {
    const created = await create({
      url: HOOK,
      events: ['ledger.checkpoint', 'ledger.entry'],
      description: 'to the SIEM',
    });
    expect(created).toMatchObject({
      status: 201,
      body: {
        id: expect.stringMatching(/^whk-[0-9a-f]{17}$/),
        url: HOOK,
        description: 'to the SIEM',
        events: ['ledger.checkpoint', 'ledger.entry'],
        actionPrefixes: [],
        enabled: true,
        disabledReason: null,
        secretVersion: 1,
        previousSecretValidUntil: null,
        secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
        promise: expect.any(String),
        version: 1,
      },
    });
    const { id, secret } = created.body;
    const path = `/v1/webhooks/${id}`;
    const read = await acme.call('GET', path);
    expect(read.headers.get('etag')).toBe('"1"');
    expect(JSON.stringify(read.body)).not.toContain(secret);
    const change = { url: 'https://hooks.example:8443/other', actionPrefixes: ['subnet.', 'vpc.'], description: null };
    const changed = await acme.call('PATCH', path, change, { 'if-match': '"1"' });
    expect(changed).toMatchObject({ status: 200, body: { ...change, version: 2, enabled: true } });
    const { items } = (await acme.call('GET', '/v1/webhooks')).body;
    expect(items).toContainEqual((await acme.call('GET', path)).body);
    const deleted = await acme.call('DELETE', path);
    expect(deleted).toMatchObject({ status: 200, body: { id, ledgerEntryId: expect.any(String) } });
    expect((await acme.call('GET', path)).status).toBe(404);
    const entries = [await entryOf(created), await entryOf(changed), await entryOf(deleted)];
    expect(entries.map(({ action }) => action)).toEqual(['webhook.created', 'webhook.updated', 'webhook.deleted']);
    expect(entries[0].before).toBeNull();
    expect(entries[1].before).toEqual(entries[0].after);
    expect(entries[2]).toMatchObject({ before: entries[1].after, after: null });
    expect(JSON.stringify(entries)).not.toContain(secret.slice('whsec_'.length));
  });

  it('has the conventions of every resource: idempotency without the secret, dry runs, versions', async () => {
    const key = { 'idempotency-key': 'make-one' };
    const first = await create({ url: HOOK }, key);
    const again = await create({ url: HOOK }, key);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body).toEqual({ ...first.body, secret: null, secretWasShown: true });
    const before = (await acme.call('GET', '/v1/webhooks')).body.items.length;
    const dry = await acme.call('POST', '/v1/webhooks?dryRun=true', { url: HOOK });
    expect(dry).toMatchObject({ status: 200, body: { dryRun: true } });
    expect((await acme.call('GET', '/v1/webhooks')).body.items).toHaveLength(before);
    const path = `/v1/webhooks/${first.body.id}`;
    const stale = { 'if-match': '"7"' };
    for (const [method, tail, body] of [
      ['PATCH', '', { enabled: false }],
      ['DELETE', '', undefined],
      ['POST', '/rotate-secret', {}],
      ['POST', '/test', undefined],
      ['POST', '/replay', { fromSeq: 1 }],
    ] as const) {
      const refused = await acme.call(method, path + tail, body, stale);
      expect([method, tail, refused.status, refused.body.code]).toEqual([method, tail, 412, 'VersionMismatch']);
    }
  });

  it('names each field that is wrong, with its rule and the fix', async () => {
    const refused = await create({
      url: 7,
      events: ['ledger.everything'],
      actionPrefixes: ['Subnet%'],
      description: ' x',
      secret: 'whsec_mine',
    });
    expect(refused.status).toBe(400);
    expect(refused.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '/actionPrefixes/0',
      '/description',
      '/events/0',
      '/secret',
      '/url',
    ]);
    const { id } = (await create({ url: HOOK, events: ['ledger.checkpoint'] })).body;
    const replay = (body: unknown) => acme.call('POST', `/v1/webhooks/${id}/replay`, body);
    expect((await replay({ fromSeq: 1 })).body.errors[0]).toMatchObject({
      pointer: '/fromSeq',
      rule: 'replay.entries',
    });
    await acme.call('PATCH', `/v1/webhooks/${id}`, { events: ['ledger.entry'] });
    expect((await replay({ fromSeq: 10_000 })).body.errors[0]).toMatchObject({ rule: 'replay.published' });
    expect((await replay({ fromSeq: 0 })).status).toBe(400);
  });

  it('rotates its secret, and the one of before is good for a while', async () => {
    const { body } = await create({ url: HOOK });
    const rotated = await acme.call('POST', `/v1/webhooks/${body.id}/rotate-secret`, { overlapHours: 2 });
    expect(rotated).toMatchObject({ status: 200, body: { secretVersion: 2, version: 2 } });
    expect(rotated.body.secret).toMatch(/^whsec_/);
    expect(rotated.body.secret).not.toBe(body.secret);
    const left = Date.parse(rotated.body.previousSecretValidUntil) - Date.now();
    expect(left).toBeGreaterThan(7_000_000);
    expect(left).toBeLessThanOrEqual(7_200_000);
    const hard = await acme.call('POST', `/v1/webhooks/${body.id}/rotate-secret`, { overlapHours: 0 });
    expect(hard.body).toMatchObject({ secretVersion: 3, previousSecretValidUntil: null });
  });

  it('cannot be made without end, and keeps its tenant from being deleted', async () => {
    const globex = await stage.tenant();
    await stage.api.operator('PUT', `/v1/system/tenants/${globex.id}/quotas/webhooks`, { allowed: 2 });
    const made = [await globex.webhook({ url: HOOK }), await globex.webhook({ url: HOOK })];
    const third = await globex.call('POST', '/v1/webhooks', { url: HOOK });
    expect(third).toMatchObject({ status: 409, body: { code: 'QuotaExceeded', quota: 'webhooks' } });
    const refused = await stage.api.operator('DELETE', `/v1/system/tenants/${globex.id}`);
    const ids = made.map(({ id }) => id).sort();
    expect(refused.body.blockers).toEqual(ids.map((id) => ({ id, kind: 'webhook', fix: `DELETE /v1/webhooks/${id}` })));
  });

  it('has a history that an audit replays to what is there', async () => {
    const globex = await stage.tenant();
    const log = await logBeside(stage.api);
    const [kept, gone] = [await globex.webhook({ url: HOOK }), await globex.webhook({ url: HOOK })];
    const done = [
      await globex.call('PATCH', `/v1/webhooks/${kept.id}`, { enabled: false, description: 'x' }),
      await globex.call('POST', `/v1/webhooks/${kept.id}/rotate-secret`, {}),
      await globex.call('POST', `/v1/webhooks/${kept.id}/test`),
      await globex.call('POST', `/v1/webhooks/${kept.id}/replay`, { fromSeq: 1 }),
      await globex.call('DELETE', `/v1/webhooks/${gone.id}`),
    ];
    expect(done.map(({ status }) => status)).toEqual([200, 200, 202, 202, 200]);
    const report = await log.audit(globex);
    expect(report).toMatchObject({ ok: true, differences: [] });
    await log.sql("UPDATE webhook SET url = 'https://elsewhere.example/' WHERE id = $1", [kept.id]);
    const after = await log.audit(globex);
    expect(after.ok).toBe(false);
    expect(JSON.stringify(after.differences)).toContain(kept.id);
    await log.closeLog();
  });

  it('is made by the command line as well', async () => {
    const env = {
      FREEHOLD_URL: stage.api.url,
      FREEHOLD_API_KEY: acme.apiKey,
      FREEHOLD_CONFIG: '/nonexistent/config.json',
    };
    const run = async (...command: string[]) => {
      const { code, out, err } = await freehold([...command, '-o', 'json', '-y'], { env });
      if (code !== 0) throw new Error(err);
      return JSON.parse(out);
    };
    const flags = ['--event', 'ledger.entry', '--action-prefix', 'vpc.', '--enabled', 'false', '--description', 'd'];
    const made = await run('webhook', 'create', '--target-url', HOOK, ...flags);
    expect(made).toMatchObject({ url: HOOK, actionPrefixes: ['vpc.'], enabled: false, description: 'd' });
    expect(await run('webhook', 'update', made.id, '--description', '')).toMatchObject({ description: null });
    expect(await run('webhook', 'rotate-secret', made.id)).toMatchObject({ secretVersion: 2 });
    expect(await run('webhook', 'deliveries', made.id)).toEqual([]);
    expect(await run('webhook', 'delete', made.id)).toMatchObject({ id: made.id });
  });
});

describe('who may', () => {
  it('needs the permission, and to create one that of reading the ledger too', async () => {
    const [owner] = (await acme.call('GET', '/v1/users')).body.items;
    const keyWith = async (...scopes: string[]) => {
      const reply = await acme.call('POST', '/v1/api-keys', { userId: owner.id, name: 'k', scopes });
      return stage.api.caller(reply.body.apiKey);
    };
    const reader = await keyWith('webhook:read');
    expect((await reader('GET', '/v1/webhooks')).status).toBe(200);
    expect((await reader('POST', '/v1/webhooks', { url: HOOK })).body).toMatchObject({ permission: 'webhook:write' });
    const blind = await keyWith('webhook:write');
    expect((await blind('POST', '/v1/webhooks', { url: HOOK })).body).toMatchObject({ permission: 'ledger:read' });
    const { id } = await acme.webhook({ url: HOOK });
    for (const tail of ['/test', '/replay', '/rotate-secret']) {
      const reply = await blind('POST', `/v1/webhooks/${id}${tail}`, tail === '/replay' ? { fromSeq: 1 } : undefined);
      expect([tail, reply.status === 403 || reply.status === 400]).toEqual([tail, true]);
    }
    expect((await blind('PATCH', `/v1/webhooks/${id}`, { enabled: false })).status).toBe(403);
  });

  it('finds nothing of another tenant: every answer has the bytes of what never was', async () => {
    const { id } = await acme.webhook({ url: HOOK });
    const other = await stage.tenant();
    const absent = 'whk-fffffffffffffffff';
    for (const [method, tail, body] of [
      ['GET', '', undefined],
      ['GET', '/deliveries', undefined],
      ['PATCH', '', { enabled: false }],
      ['DELETE', '', undefined],
      ['POST', '/rotate-secret', {}],
      ['POST', '/test', undefined],
      ['POST', '/replay', { fromSeq: 1 }],
    ] as const) {
      const headers = { 'x-request-id': 'same' };
      const foreign = await other.call(method, `/v1/webhooks/${id}${tail}`, body, headers);
      const nothing = await other.call(method, `/v1/webhooks/${absent}${tail}`, body, headers);
      expect([method, tail, foreign.status]).toEqual([method, tail, 404]);
      expect(JSON.stringify(foreign.body).replaceAll(id, absent)).toBe(JSON.stringify(nothing.body));
    }
    expect((await other.call('GET', '/v1/webhooks')).body.items).toEqual([]);
    expect((await acme.read(id)).enabled).toBe(true);
  });

  it('the database refuses the rows of another tenant, whatever the statement', async () => {
    const { id } = await acme.webhook({ url: HOOK });
    const other = await stage.tenant();
    const client = await stage.admin.connect();
    try {
      await client.query('BEGIN; SET LOCAL ROLE freehold_api');
      await client.query("SELECT set_config('app.tenant', $1, true)", [other.id]);
      for (const table of ['webhook', 'webhook_progress', 'webhook_delivery']) {
        expect((await client.query(`SELECT count(*)::int AS n FROM ${table}`)).rows).toEqual([{ n: 0 }]);
      }
      const moved = await client.query('UPDATE webhook_progress SET entry_seq = 0 WHERE webhook_id = $1', [id]);
      expect(moved.rowCount).toBe(0);
      const foreign = client.query(
        'INSERT INTO webhook_progress (tenant_id, webhook_id, entry_seq, checkpoint_size) VALUES ($1, $2, 0, 0)',
        [other.id, id],
      );
      await expect(foreign).rejects.toThrow(/webhook_progress/);
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  });
});

describe('where to', () => {
  const inside = () => {
    const database = new URL(stage.api.database.adminUrl).port;
    const api = new URL(stage.api.url).port;
    return [
      `https://127.0.0.1:${database}/`,
      `https://localhost:${database}/`,
      `https://127.0.0.1:${api}/v1/tenant`,
      `https://[::1]:${api}/`,
      'https://127.0.0.1:8545/',
      'https://169.254.169.254/latest/meta-data/',
      'https://[fd00:ec2::254]/',
      'https://10.0.0.1/',
      'https://0x0a000001/',
      'https://[::ffff:10.0.0.1]/',
      'https://inside.example/',
      'http://hooks.example/',
      'https://user:pass@hooks.example/',
      'https://hooks.example:22/',
    ];
  };

  it('leads to public hosts alone, when it is created and when it is changed', async () => {
    dns.set('inside.example', '10.1.2.3');
    dns.set('localhost', '127.0.0.1', '::1');
    const { id } = await acme.webhook({ url: HOOK });
    for (const url of inside()) {
      for (const reply of [await create({ url }), await acme.call('PATCH', `/v1/webhooks/${id}`, { url })]) {
        expect([url, reply.status, reply.body.code]).toEqual([url, 400, 'EgressRefused']);
        expect(reply.body.errors).toMatchObject([{ pointer: '/url', rule: expect.stringMatching(/^url\./) }]);
      }
    }
    const dry = await acme.call('POST', '/v1/webhooks?dryRun=true', { url: 'https://10.0.0.1/' });
    expect(dry.status).toBe(400);
    expect((await acme.read(id)).url).toBe(HOOK);
  });
});
