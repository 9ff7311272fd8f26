import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import pg from 'pg';
import { type Caller, startTestApi, type TestApi } from '../support/test-api.js';

let api: TestApi;
let call: Caller;

beforeAll(async () => {
  api = await startTestApi();
  ({ call } = await api.tenant());
});
afterAll(() => api.close());

const vpc = (cidrBlock = '10.0.0.0/16') => ({ cidrBlock });

async function countRows(table: string): Promise<number> {
  const client = new pg.Client({ connectionString: api.database.adminUrl });
  await client.connect();
  try {
    return (await client.query(`SELECT count(*)::int AS n FROM ${table}`)).rows[0].n;
  } finally {
    await client.end();
  }
}

describe('bad input', () => {
  it.each([
    ['not JSON', '{"cidrBlock":', 400],
    ['an array', '[]', 400],
    ['null', 'null', 400],
    ['an unknown field', { ...vpc(), color: 'red' }, 400],
    ['a wrong type', { cidrBlock: 5 }, 400],
    ['a missing field', {}, 400],
    ['a NUL', { ...vpc(), name: 'a\u0000b' }, 400],
    ['a lone surrogate', '{"cidrBlock":"10.0.0.0/16","name":"\\ud800"}', 400],
    ['bidirectional text', { ...vpc(), name: 'a\u202eb' }, 400],
    ['text that is not NFC', { ...vpc(), name: 'e\u0301' }, 400],
    ['a prototype', '{"cidrBlock":"10.0.0.0/16","__proto__":{"x":1}}', 400],
    ['a number past 2^53', '{"cidrBlock":90071992547409930000}', 400],
    ['deep nesting', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 400],
    ['more than 1 MiB', JSON.stringify({ ...vpc(), name: 'x'.repeat(1_100_000) }), 413],
  ])('%s is answered with a problem, and changes nothing', async (_name, body, status) => {
    const before = await countRows('ledger_entry');
    const reply = await call('POST', '/v1/vpcs', body, {
      'content-type': 'application/json',
      'idempotency-key': 'bad-input',
    });
    expect(reply.status).toBe(status);
    expect(reply.headers.get('content-type')).toContain('application/problem+json');
    expect(reply.body).toMatchObject({
      status,
      code: expect.any(String),
      requestId: reply.headers.get('x-request-id'),
    });
    expect(await countRows('ledger_entry')).toBe(before);
    expect(await countRows('idempotency_record')).toBe(0);
  });

  it.each(['/v1/vpcs?tag=a%00b', '/v1/vpcs?tag=a&tag=%00', '/v1/subnets?zone=%00'])(
    'in a query, a NUL is no text that a resource could have: %s',
    async (path) => {
      const reply = await call('GET', path);
      expect(reply).toMatchObject({ status: 400, body: { errors: [{ rule: 'text.printable' }] } });
    },
  );

  it('names every field that is wrong, with its rule and the fix', async () => {
    const reply = await call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.5/16', colour: 1, name: '' });
    expect(reply.body.errors.map((error: { pointer: string }) => error.pointer).sort()).toEqual([
      '/cidrBlock',
      '/colour',
      '/name',
    ]);
    for (const error of reply.body.errors) {
      expect(error).toEqual({
        pointer: expect.any(String),
        rule: expect.stringMatching(/\./),
        message: expect.any(String),
        fix: expect.any(String),
      });
    }
    expect(reply.body.errors[0].fix).toContain('10.0.0.0/16');
  });

  it.each([
    ['text/plain', 415],
    ['application/xml', 415],
    ['application/x-www-form-urlencoded', 415],
  ])('a body of type %s is refused', async (type, status) => {
    const reply = await call('POST', '/v1/vpcs', '<vpc/>', { 'content-type': type });
    expect(reply).toMatchObject({ status, body: { code: 'UnsupportedMediaType' } });
  });

  it.each([
    '/v1/vpcs?limit=0',
    '/v1/vpcs?limit=1001',
    '/v1/vpcs?limit=a',
    '/v1/vpcs?cursor=x',
    '/v1/vpcs?order=name',
    '/v1/vpcs?limit=1&limit=2',
    '/v1/vpcs?dryRun=true',
    '/v1/vpcs/10',
    '/v1/vpcs/%ff',
    '/v1/vpcs/%00',
  ])('the address %s is refused', async (path) => {
    const reply = await call('GET', path);
    expect(reply.status).toBe(400);
    expect(reply.body.code).toMatch(/^(InvalidInput|MalformedRequest)$/);
  });

  it('what is not HTTP gets a problem and the connection is closed', async () => {
    const { port } = new URL(api.url);
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write('NOT HTTP\r\n\r\n'));
      let received = '';
      socket.on('data', (chunk) => {
        received += chunk.toString();
      });
      socket.on('close', () => resolve(received));
      socket.on('error', reject);
    });
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toContain('MalformedRequest');
  });

  it('headers that are too large are refused', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const outgoing = httpRequest(`${api.url}/v1/vpcs`, { headers: { 'x-large': 'x'.repeat(20_000) } }, (reply) => {
        reply.resume();
        resolve(reply.statusCode);
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
    expect(status).toBe(431);
  });
});

describe('authentication', () => {
  it.each([
    ['no credential', null],
    ['rubbish', 'rubbish'],
    ['an unknown key', `fh_${'0'.repeat(17)}_${'A'.repeat(43)}`],
  ])('%s is answered alike', async (_name, key) => {
    const reply = await api.caller(key)('GET', '/v1/vpcs');
    expect(reply.status).toBe(401);
    expect(reply.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('a wrong secret for a known key is refused, and so is the key once revoked', async () => {
    const { call: owner, apiKey } = await api.tenant();
    expect((await api.caller(`${apiKey.slice(0, -2)}AA`)('GET', '/v1/vpcs')).status).toBe(401);
    const [first] = (await owner('GET', '/v1/api-keys')).body.items;
    const second = await owner('POST', '/v1/api-keys', {
      userId: first.userId,
      name: 'second',
      scopes: ['network:read', 'key:write'],
    });
    expect(second.status).toBe(201);
    const scoped = api.caller(second.body.apiKey);
    expect((await scoped('GET', '/v1/vpcs')).status).toBe(200);
    expect((await scoped('POST', '/v1/vpcs', vpc())).body).toMatchObject({ status: 403, code: 'Forbidden' });
    const escalated = await scoped('POST', '/v1/api-keys', { userId: first.userId, name: 'more than it holds' });
    expect(escalated).toMatchObject({ status: 403, body: { code: 'Forbidden' } });
    expect((await owner('DELETE', `/v1/api-keys/${second.body.id}`)).body.state).toBe('revoked');
    expect((await scoped('GET', '/v1/vpcs')).status).toBe(401);
  });

  it("a suspended tenant's keys stop working until it is resumed", async () => {
    const tenant = await api.tenant();
    await api.operator('POST', `/v1/system/tenants/${tenant.id}/suspend`);
    expect((await tenant.call('GET', '/v1/vpcs')).body).toMatchObject({ status: 403, code: 'TenantSuspended' });
    await api.operator('POST', `/v1/system/tenants/${tenant.id}/resume`);
    expect((await tenant.call('GET', '/v1/vpcs')).status).toBe(200);
  });

  it('every operator route refuses a tenant, and every tenant route refuses nobody at all', async () => {
    const { paths } = (await api.caller(null)('GET', '/openapi.json')).body as {
      paths: Record<string, Record<string, { security: unknown[] }>>;
    };
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const target = path.replace(/\{[^}]+\}/g, 'x');
        if (operation.security.length === 0) continue;
        expect([path, (await api.caller(null)(method.toUpperCase(), target)).status]).toEqual([path, 401]);
        if (!path.startsWith('/v1/system/')) continue;
        expect([path, (await call(method.toUpperCase(), target)).status]).toEqual([path, 403]);
      }
    }
  });
});

describe('Idempotency-Key', () => {
  it('gives the first reply again, and the change happens once', async () => {
    const { call: owner } = await api.tenant();
    const headers = { 'idempotency-key': '"6a1a5f0e"' };
    const first = await owner('POST', '/v1/vpcs', vpc(), headers);
    const second = await owner('POST', '/v1/vpcs', vpc(), headers);
    expect(first.status).toBe(201);
    expect(second.status).toBe(201);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
    expect((await owner('GET', '/v1/vpcs')).body.items).toHaveLength(1);
  });

  it('refuses another request under the same key, and is scoped to the tenant', async () => {
    const one = await api.tenant();
    const other = await api.tenant();
    const headers = { 'idempotency-key': 'shared' };
    expect((await one.call('POST', '/v1/vpcs', vpc(), headers)).status).toBe(201);
    expect((await one.call('POST', '/v1/vpcs', vpc('10.1.0.0/16'), headers)).body).toMatchObject({
      status: 422,
      code: 'IdempotencyKeyReused',
    });
    expect((await other.call('POST', '/v1/vpcs', vpc(), headers)).headers.get('idempotent-replayed')).toBeNull();
  });

  it('lets twenty identical requests at once change one thing', async () => {
    const { call: owner } = await api.tenant();
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => owner('POST', '/v1/vpcs', vpc(), { 'idempotency-key': 'race' })),
    );
    for (const reply of replies) expect([201, 409]).toContain(reply.status);
    const ids = new Set(replies.filter((reply) => reply.status === 201).map((reply) => reply.body.id));
    expect(ids.size).toBe(1);
    expect((await owner('GET', '/v1/vpcs')).body.items).toHaveLength(1);
  });

  it('never shows a secret again', async () => {
    const body = {
      name: 'secretive',
      rootPublicKey: Buffer.alloc(32, 1).toString('base64'),
      viewKey: Buffer.alloc(32, 2).toString('base64'),
    };
    const first = await api.operator('POST', '/v1/system/tenants', body, { 'idempotency-key': 'k' });
    const again = await api.operator('POST', '/v1/system/tenants', body, { 'idempotency-key': 'k' });
    expect(first.body.ownerApiKey).toMatch(/^fh_/);
    expect(again.body).toMatchObject({ id: first.body.id, ownerApiKey: null, secretWasShown: true });
  });
});

describe('dry run, versions and lists', () => {
  it('a dry run answers like the change and writes nothing', async () => {
    const { call: owner } = await api.tenant();
    const before = await countRows('ledger_entry');
    const reply = await owner('POST', '/v1/vpcs?dryRun=true', vpc(), { 'idempotency-key': 'dry' });
    expect(reply).toMatchObject({ status: 200, body: { dryRun: true, cidrBlock: '10.0.0.0/16', state: 'pending' } });
    expect((await owner('GET', '/v1/vpcs')).body.items).toEqual([]);
    expect(await countRows('ledger_entry')).toBe(before);
    expect((await owner('POST', '/v1/vpcs?dryRun=true', vpc('10.0.0.5/16'))).status).toBe(400);
  });

  it('If-Match with an old version is refused and says the current one', async () => {
    const { call: owner } = await api.tenant();
    const created = await owner('POST', '/v1/vpcs', vpc());
    const path = `/v1/vpcs/${created.body.id}`;
    expect(created.headers.get('etag')).toBe('"1"');
    expect((await owner('PATCH', path, { name: 'a' }, { 'if-match': '"1"' })).headers.get('etag')).toBe('"2"');
    expect((await owner('PATCH', path, { name: 'b' }, { 'if-match': '"1"' })).body).toMatchObject({
      status: 412,
      code: 'VersionMismatch',
      currentVersion: 2,
    });
    expect((await owner('PATCH', path, { name: 'b' }, { 'if-match': '*' })).status).toBe(200);
    expect((await owner('PATCH', path, { name: 'b' }, { 'if-match': '1' })).status).toBe(400);
    expect((await owner('GET', path)).body).toMatchObject({ name: 'b', version: 3 });
  });

  it('pages give every item once, in a stable order, by cursor', async () => {
    const { call: owner } = await api.tenant();
    const { body } = await owner('POST', '/v1/vpcs', vpc());
    for (let third = 0; third < 7; third += 1) {
      await owner('POST', '/v1/subnets', {
        vpcId: body.id,
        cidrBlock: `10.0.${third}.0/24`,
        zone: 'zone-1',
        tags: third % 2 ? { tier: 'web' } : {},
      });
    }
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await owner('GET', `/v1/subnets?limit=3${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...page.body.items.map((item: { id: string }) => item.id));
      cursor = page.body.nextCursor;
    }
    expect(seen).toHaveLength(7);
    expect(new Set(seen).size).toBe(7);
    expect((await owner('GET', '/v1/subnets?tag=tier:web')).body.items).toHaveLength(3);
    expect((await owner('GET', '/v1/subnets?tag=tier')).body.items).toHaveLength(3);
    expect((await owner('GET', '/v1/subnets?tag=tier:db')).body.items).toHaveLength(0);
  });
});

describe('the description', () => {
  it('is OpenAPI 3.1, the same as the committed one, and /docs shows it', async () => {
    const document = await api.caller(null)('GET', '/openapi.json');
    expect(document.body.openapi).toBe('3.1.0');
    const schemas = Object.entries(document.body.components.schemas as Record<string, { $ref?: string }>);
    expect(schemas.filter(([, schema]) => schema.$ref !== undefined)).toEqual([]);
    const committed = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'));
    // When this fails, the API has changed: run "npm run build:openapi" and read the difference.
    expect(document.body).toEqual(committed);
    expect((await api.caller(null)('GET', '/docs')).status).toBe(200);
  });
});
