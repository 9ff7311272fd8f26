import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import pg from 'pg';
import { checkEffect, evidenceCommitment, nodeCrypto, parseBody, verifyEvidence } from '#proof';
import { RequestSigner, type SignatureChanges } from '../support/request-signer.js';
import { type Caller, startTestApi, type TestApi, type TestReply } from '../support/test-api.js';

let api: TestApi;
let admin: pg.Client;
let tenant: Awaited<ReturnType<TestApi['tenant']>>;
let signer: RequestSigner;
let signed: Caller;

beforeAll(async () => {
  api = await startTestApi();
  admin = new pg.Client({ connectionString: api.database.adminUrl });
  await admin.connect();
  tenant = await api.tenant();
  signer = new RequestSigner();
  await signer.enrol(tenant.call, tenant.rootKey);
  signed = signer.caller(api.url, tenant.call);
  await api.operator('PUT', `/v1/system/tenants/${tenant.id}/quotas/datasets`, { allowed: 1000 });
});
afterAll(async () => {
  await admin?.end();
  await api?.close();
});

let number = 0;
/** A request that would create a dataset, which takes nothing but a name. */
function aChange() {
  number += 1;
  const body = JSON.stringify({ name: `data set ${number}` });
  return { method: 'POST', path: '/v1/datasets', url: `${api.url}/v1/datasets`, body };
}

async function nothingHappens(sending: () => Promise<TestReply>): Promise<TestReply> {
  const count = async () =>
    (
      await admin.query(
        `SELECT (SELECT count(*) FROM dataset) + (SELECT count(*) FROM ledger_entry)
              + (SELECT count(*) FROM request_evidence) + (SELECT count(*) FROM idempotency_record) AS n`,
      )
    ).rows[0].n;
  const before = await count();
  const reply = await sending();
  expect(await count()).toBe(before);
  return reply;
}

/** Sends a request with a signature that was made for another, or differently. */
function send(
  request: ReturnType<typeof aChange>,
  changes: SignatureChanges = {},
  headers: Record<string, string> = {},
) {
  const made = { ...signer.headers(request, changes), ...headers };
  return tenant.call(request.method, request.path, request.body, made);
}

async function bodyOf(entryId: string) {
  const { rows } = await admin.query('SELECT body FROM ledger_entry WHERE id = $1', [entryId]);
  return parseBody(rows[0].body);
}

describe('a signed change', () => {
  it('is recorded as signed, with evidence that proves who asked for what', async () => {
    const reply = await signed('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16', name: 'main' });
    expect(reply.status).toBe(201);
    const bodies = await Promise.all(
      (reply.body.ledgerEntries as { ledgerEntryId: string }[]).map((entry) => bodyOf(entry.ledgerEntryId)),
    );
    expect(bodies.map((body) => body.action)).toEqual(['vpc.created', 'route-table.created']);
    const { vouched } = bodies[0]!;
    expect(vouched).toEqual({ mode: 'signed', keyId: signer.keyId, evidence: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(bodies[1]!.vouched).toEqual(vouched);
    const { rows } = await admin.query('SELECT * FROM request_evidence WHERE encode(commitment, $1) = $2', [
      'hex',
      (vouched as { evidence: string }).evidence,
    ]);
    expect(rows).toHaveLength(1);
    const { document, salt } = rows[0];
    expect(evidenceCommitment(nodeCrypto, salt, document)).toBe((vouched as { evidence: string }).evidence);
    const facts = await verifyEvidence(nodeCrypto, document, Buffer.from(signer.publicKey, 'base64'));
    expect(facts).toMatchObject({ keyId: signer.keyId, method: 'POST', path: '/v1/vpcs', query: '?' });
    for (const body of bodies) expect(checkEffect(facts, body)).toMatchObject({ matches: true });
    expect(checkEffect(facts, { ...bodies[0]!, after: { ...(bodies[0]!.after as object), name: 'x' } }).matches).toBe(
      false,
    );
    const entry = await tenant.call('GET', `/v1/ledger/entries/${bodies[0]!.id}`);
    expect(entry.body.vouched).toEqual(vouched);
  });

  it('with a body of any bytes that mean the same is signed over the bytes', async () => {
    const request = aChange();
    const spaced = request.body.replace(':', ' :\n ');
    const signature = signer.headers({ ...request, body: spaced });
    expect((await tenant.call('POST', request.path, request.body, signature)).status).toBe(400);
    expect((await tenant.call('POST', request.path, spaced, signature)).status).toBe(201);
  });

  it('may carry signatures of others, and more components and digests', async () => {
    const request = aChange();
    const other = signer.headers(request, { label: 'proxy', tag: 'a-proxy' });
    const typed = signer.headers(
      { ...request, headers: { 'content-type': 'application/json' } },
      { label: 'mine', more: ['content-type'] },
    );
    const reply = await tenant.call('POST', request.path, request.body, {
      ...typed,
      'signature-input': `${other['signature-input']}, ${typed['signature-input']}`,
      signature: `${other.signature}, ${typed.signature}`,
    });
    expect([reply.status, reply.body]).toEqual([201, expect.anything()]);
    expect((await bodyOf(reply.body.ledgerEntryId)).vouched.mode).toBe('signed');
    const strange = {
      'signature-input': 'proxy=("@method" "x-forwarded-for";sf);created=1',
      signature: 'proxy=:AAAA:',
    };
    const unsigned = await tenant.call('POST', '/v1/datasets', aChange().body, strange);
    expect((await bodyOf(unsigned.body.ledgerEntryId)).vouched).toEqual({ mode: 'custodial' });
  });

  it('is answered with the stored reply when it comes again as it was', async () => {
    const request = aChange();
    const signature = signer.headers(request);
    const first = await tenant.call('POST', request.path, request.body, signature);
    const again = await nothingHappens(() => tenant.call('POST', request.path, request.body, signature));
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
    const resigned = signer.headers({ ...request, headers: { 'idempotency-key': signature['idempotency-key']! } });
    const later = await nothingHappens(() => tenant.call('POST', request.path, request.body, resigned));
    expect(later.body).toEqual(first.body);
  });

  it('cannot use the nonce of another', async () => {
    const nonce = 'used-once';
    expect((await send(aChange(), { nonce })).status).toBe(201);
    const other = await nothingHappens(() => send(aChange(), { nonce }));
    expect([other.status, other.body.code]).toEqual([409, 'NonceReused']);
    const key = { 'idempotency-key': 'the-same-key' };
    const [first, second] = [aChange(), aChange()];
    expect((await send({ ...first, headers: key } as never, { nonce: 'nonce-of-a-key' })).status).toBe(201);
    const same = await nothingHappens(() => send({ ...second, headers: key } as never, { nonce: 'nonce-of-a-key' }));
    expect([same.status, same.body.code]).toEqual([409, 'NonceReused']);
  });

  it('wins once when many with one nonce race', async () => {
    const replies = await Promise.all(Array.from({ length: 12 }, () => send(aChange(), { nonce: 'raced-nonce' })));
    const codes = replies.map(({ status, body }) => (status === 201 ? 'done' : body.code));
    expect(codes.filter((code) => code === 'done')).toHaveLength(1);
    expect(codes.filter((code) => code === 'NonceReused')).toHaveLength(11);
    const { rows } = await admin.query("SELECT count(*)::int AS n FROM idempotency_record WHERE nonce = 'raced-nonce'");
    expect(rows[0].n).toBe(1);
  });

  it('that is only tried leaves nothing, and its nonce stays good', async () => {
    const request = { ...aChange(), path: '/v1/datasets?dryRun=true', url: `${api.url}/v1/datasets?dryRun=true` };
    const tried = await nothingHappens(() => send(request, { nonce: 'tried-nonce' }));
    expect(tried.status).toBe(200);
    expect((await send(aChange(), { nonce: 'tried-nonce' })).status).toBe(201);
  });

  it('keeps no secret of its body', async () => {
    const operatorKey = new RequestSigner();
    await operatorKey.enrol(api.operator, { id: 'root', sign: (text) => operatorKey.sign(text) });
    const viewKey = createHash('sha256').update('canary').digest('base64');
    const body = { name: 'a tenant with a secret', rootPublicKey: tenant.rootKey.publicKey, viewKey };
    const created = await operatorKey.caller(api.url, api.operator)('POST', '/v1/system/tenants', body);
    expect(created.status).toBe(201);
    const { rows } = await admin.query('SELECT tenant_id, document FROM request_evidence WHERE signing_key_id = $1', [
      operatorKey.keyId,
    ]);
    // The tenant's chain does not know the operator's keys; the operator's own has the signature.
    expect(rows.map((row) => row.tenant_id)).toEqual(['tnt-00000000000000000']);
    expect((await bodyOf(created.body.ledgerEntryId)).vouched.mode).toBe('signed');
    const genesis = created.body.ledgerEntries[1].ledgerEntryId;
    expect(await bodyOf(genesis)).toMatchObject({ action: 'tenant.genesis', vouched: { mode: 'custodial' } });
    for (const { document } of rows) {
      expect(JSON.parse(document.toString()).content).toBeNull();
      for (const canary of [
        viewKey,
        Buffer.from(viewKey).toString('base64'),
        Buffer.from(viewKey, 'base64').toString('hex'),
      ])
        expect(document.toString()).not.toContain(canary);
      const facts = await verifyEvidence(nodeCrypto, document, Buffer.from(operatorKey.publicKey, 'base64'));
      expect(facts).toMatchObject({ bodyWithheld: true, path: '/v1/system/tenants' });
      const entry = await bodyOf(created.body.ledgerEntryId);
      expect(checkEffect(facts, entry)).toMatchObject({ matches: true, detail: expect.stringContaining('withheld') });
    }
  });
});

describe('a signature that does not hold', () => {
  const refusals: [string, string, () => Promise<TestReply>][] = [
    ['another method', 'SignatureInvalid', () => sendAs(aChange(), { method: 'PUT' })],
    ['another path', 'SignatureInvalid', () => sendAs(aChange(), { url: `${api.url}/v1/vpcs` })],
    ['another query', 'SignatureInvalid', () => sendAs(aChange(), { url: `${api.url}/v1/datasets?dryRun=false` })],
    ['another authority', 'SignatureInvalid', () => sendAs(aChange(), { url: 'http://elsewhere.example/v1/datasets' })],
    ['another idempotency key', 'SignatureInvalid', () => send(aChange(), {}, { 'idempotency-key': 'another' })],
    ['a changed nonce', 'SignatureInvalid', () => tampered('nonce="', 'nonce="x')],
    ['a changed time', 'SignatureInvalid', () => tampered(/created=(\d+)/, (_all, at) => `created=${Number(at) - 1}`)],
    ['another algorithm', 'SignatureInvalid', () => tampered('alg="ed25519"', 'alg="hmac-sha256"')],
    ['a component taken out of the list', 'SignatureComponentMissing', () => tampered('"@query" ', '')],
    ['no Signature', 'SignatureInvalid', () => send(aChange(), {}, { signature: '' })],
    [
      'a signature under another label',
      'SignatureInvalid',
      () => send(aChange(), {}, { signature: `other=:${'A'.repeat(86)}==:` }),
    ],
    ['a short signature', 'SignatureInvalid', () => send(aChange(), {}, { signature: 'sig1=:AAAA:' })],
    ['an input that is none', 'SignatureInvalid', () => send(aChange(), {}, { 'signature-input': 'sig1=(((' })],
    ['two signatures for us', 'SignatureInvalid', twoSignatures],
    ['a nonce that is too short', 'SignatureInvalid', () => send(aChange(), { nonce: 'short' })],
    ['a signature of long ago', 'SignatureExpired', () => send(aChange(), { created: seconds() - 302 })],
    ['a signature of the future', 'SignatureNotYetValid', () => send(aChange(), { created: seconds() + 60 })],
    [
      'a signature that says it expired',
      'SignatureExpired',
      () => send(aChange(), { parameters: `;expires=${seconds() - 1}` }),
    ],
    ['a covered secret', 'SignatureComponentUnsupported', () => send(aChange(), { more: ['authorization'] })],
    [
      'a component of the connection',
      'SignatureComponentUnsupported',
      () => send(aChange(), { more: ['@target-uri'] }),
    ],
    ['a key that is none', 'SigningKeyUnknown', () => send(aChange(), { keyId: 'sgk-00000000000000001' })],
    ['a key id of another form', 'SigningKeyUnknown', () => send(aChange(), { keyId: 'key-00000000000000001' })],
  ];
  it.each(refusals)('%s: %s', async (_what, code, sending) => {
    const reply = await nothingHappens(sending);
    expect([reply.status, reply.body.code]).toEqual([401, code]);
    expect(reply.body.errors[0]).toEqual({
      pointer: expect.stringMatching(/^\/header\//),
      rule: expect.stringMatching(/^signature\./),
      message: expect.any(String),
      fix: expect.any(String),
    });
  });

  it.each(['@method', '@authority', '@path', '@query', 'content-digest', 'idempotency-key'])(
    'because it does not cover %s',
    async (name) => {
      const reply = await nothingHappens(() => send(aChange(), { without: [name] }));
      expect([reply.status, reply.body.code]).toEqual([401, 'SignatureComponentMissing']);
      expect(reply.body.errors[0].message).toContain(name);
    },
  );

  it('because it does not cover If-Match, which is there', async () => {
    const request = { ...aChange(), headers: { 'if-match': '"1"' } };
    const missing = await nothingHappens(() =>
      send(request as never, { without: ['if-match'] }, { 'if-match': '"1"' }),
    );
    expect([missing.status, missing.body.code]).toEqual([401, 'SignatureComponentMissing']);
    const added = await nothingHappens(() => send(aChange(), {}, { 'if-match': '"1"' }));
    expect([added.status, added.body.code]).toEqual([401, 'SignatureComponentMissing']);
    const changed = await nothingHappens(() => send(request as never, {}, { 'if-match': '"2"' }));
    expect([changed.status, changed.body.code]).toEqual([401, 'SignatureInvalid']);
  });

  it('because a body comes without a digest of SHA-256, or with that of another', async () => {
    const request = aChange();
    const sha512 = `sha-512=:${createHash('sha512').update(request.body).digest('base64')}:`;
    const reply = await nothingHappens(() => send({ ...request, headers: { 'content-digest': sha512 } } as never));
    expect([reply.status, reply.body.errors[0].rule]).toEqual([400, 'content-digest.algorithm']);
    const other = await nothingHappens(() => {
      const signature = signer.headers(request);
      return tenant.call('POST', request.path, aChange().body, signature);
    });
    expect([other.status, other.body.errors[0].rule]).toEqual([400, 'content-digest.content']);
  });

  it('of another user or another tenant is answered as one of no key at all', async () => {
    const other = await api.tenant();
    const foreign = new RequestSigner();
    await foreign.enrol(other.call, other.rootKey);
    const user = await tenant.call('POST', '/v1/users', { name: 'second', roles: ['editor'] });
    const key = await tenant.call('POST', '/v1/api-keys', { userId: user.body.id, name: 'of the second' });
    const second = api.caller(key.body.apiKey as string);
    const colleague = new RequestSigner();
    await colleague.enrol(second, signer.asEnroller);
    const revoked = new RequestSigner();
    await revoked.enrol(tenant.call, signer.asEnroller);
    expect((await tenant.call('DELETE', `/v1/signing-keys/${revoked.keyId}`)).body.state).toBe('revoked');
    const answers = [];
    for (const stranger of [foreign, colleague, revoked, new RequestSigner()]) {
      const request = aChange();
      const reply = await nothingHappens(() =>
        tenant.call(request.method, request.path, request.body, stranger.headers(request)),
      );
      answers.push(JSON.stringify([reply.status, { ...reply.body, requestId: '' }]).replaceAll(stranger.keyId, 'sgk'));
    }
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toContain('SigningKeyUnknown');
    const request = aChange();
    expect((await second(request.method, request.path, request.body, colleague.headers(request))).status).toBe(201);
  });

  it('does not come instead of an API key, and a good one does not change what the key may do', async () => {
    const request = aChange();
    const anonymous = await api.caller(null)('POST', request.path, request.body, signer.headers(request));
    expect([anonymous.status, anonymous.body.code]).toEqual([401, 'Unauthenticated']);
    const pool = JSON.stringify({ name: 'x', cidrBlock: '203.0.113.0/24', purpose: 'public' });
    const url = `${api.url}/v1/system/address-pools`;
    const reply = await tenant.call(
      'POST',
      '/v1/system/address-pools',
      pool,
      signer.headers({ method: 'POST', url, body: pool }),
    );
    expect([reply.status, reply.body.code]).toEqual([403, 'Forbidden']);
  });

  it('is refused on a read as well', async () => {
    const url = `${api.url}/v1/datasets`;
    expect((await tenant.call('GET', '/v1/datasets', undefined, signer.headers({ method: 'GET', url }))).status).toBe(
      200,
    );
    const reply = await tenant.call('GET', '/v1/vpcs', undefined, signer.headers({ method: 'GET', url }));
    expect([reply.status, reply.body.code]).toEqual([401, 'SignatureInvalid']);
  });

  const seconds = () => Math.floor(Date.now() / 1000);

  /** Signs one request and sends another. */
  function sendAs(request: ReturnType<typeof aChange>, signedAs: { method?: string; url?: string }) {
    return tenant.call(request.method, request.path, request.body, signer.headers({ ...request, ...signedAs }));
  }

  function tampered(pattern: string | RegExp, to: string | ((all: string, group: string) => string)) {
    const request = aChange();
    const headers = signer.headers(request);
    const input = headers['signature-input']!.replace(pattern, to as string);
    return tenant.call(request.method, request.path, request.body, { ...headers, 'signature-input': input });
  }

  function twoSignatures() {
    const request = aChange();
    const one = signer.headers(request, { label: 'one' });
    const two = signer.headers(
      { ...request, headers: { 'idempotency-key': one['idempotency-key']! } },
      { label: 'two' },
    );
    return tenant.call(request.method, request.path, request.body, {
      ...one,
      'signature-input': `${one['signature-input']}, ${two['signature-input']}`,
      signature: `${one.signature}, ${two.signature}`,
    });
  }
});

describe('Content-Digest', () => {
  it('without a signature is checked all the same', async () => {
    const request = aChange();
    const digest = (algorithm: string, text = request.body) =>
      `${algorithm}=:${createHash(algorithm.replace('-', '')).update(text).digest('base64')}:`;
    const call = (field: string) => tenant.call('POST', request.path, request.body, { 'content-digest': field });
    for (const [field, rule] of [
      [digest('sha-256', 'other'), 'content-digest.content'],
      [`${digest('sha-256')}, ${digest('sha-512', 'other')}`, 'content-digest.content'],
      ['md5=:AAAA:', 'content-digest.algorithm'],
      ['sha-256', 'content-digest.form'],
    ] as const) {
      const reply = await nothingHappens(() => call(field));
      expect([reply.status, reply.body.errors[0].pointer, reply.body.errors[0].rule]).toEqual([
        400,
        '/header/content-digest',
        rule,
      ]);
    }
    expect((await call(`${digest('sha-512')}, md5=:AAAA:`)).status).toBe(201);
    const empty = await tenant.call('GET', '/v1/datasets', undefined, { 'content-digest': digest('sha-256', '') });
    expect(empty.status).toBe(200);
  });

  it('is over bytes: a body that is no UTF-8 is refused and not repaired', async () => {
    const { hostname, port } = new URL(api.url);
    const body = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    const head = `POST /v1/datasets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tenant.apiKey}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
    const reply = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(Number(port), hostname, () => socket.write(Buffer.concat([Buffer.from(head), body])));
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });
    expect(reply).toMatch(/^HTTP\/1.1 400 /);
    expect(reply).toContain('MalformedRequest');
  });
});
