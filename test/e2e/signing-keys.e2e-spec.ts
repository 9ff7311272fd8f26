import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { LogIdentity } from '#ledger';
import { type LedgerBody, nodeCrypto, parseBody, parseSigningKeyLink, verifySigningKeyChain } from '#proof';
import { RequestSigner } from '../support/request-signer.js';
import { type Caller, startTestApi, type TestApi } from '../support/test-api.js';

let api: TestApi;
let admin: pg.Client;

beforeAll(async () => {
  api = await startTestApi();
  admin = new pg.Client({ connectionString: api.database.adminUrl });
  await admin.connect();
});
afterAll(async () => {
  await admin?.end();
  await api?.close();
});

async function bodyOf(entryId: string): Promise<LedgerBody> {
  const { rows } = await admin.query('SELECT body FROM ledger_entry WHERE id = $1', [entryId]);
  return parseBody(rows[0].body);
}

function linkIn({ resource, after }: LedgerBody) {
  const { userId, publicKey, enrolledBy, signature, possession } = after as Record<string, string>;
  return parseSigningKeyLink({ keyId: resource.id, userId, publicKey, enrolledBy, signature, possession });
}

async function user(call: Caller, role: string): Promise<{ id: string; call: Caller }> {
  const name = randomBytes(4).toString('hex');
  const created = await call('POST', '/v1/users', { name, roles: [role] });
  const key = await call('POST', '/v1/api-keys', { userId: created.body.id, name });
  return { id: created.body.id, call: api.caller(key.body.apiKey) };
}

describe('enrolling a signing key', () => {
  it('leaves all that an auditor needs to follow the chain to the root key', async () => {
    const tenant = await api.tenant();
    const [first, second, third] = [new RequestSigner(), new RequestSigner(), new RequestSigner()];
    const editor = await user(tenant.call, 'editor');
    const replies = [
      await first.enrol(tenant.call, tenant.rootKey),
      await second.enrol(tenant.call, first.asEnroller),
      await third.enrol(editor.call, second.asEnroller),
    ];
    const bodies = await Promise.all(replies.map((reply) => bodyOf(reply.body.ledgerEntryId)));
    expect(bodies.map(({ action }) => action)).toEqual(Array(3).fill('signing-key.enrolled'));
    const { origin } = api.app.get(LogIdentity);
    const scope = { origin, tenant: tenant.id, rootPublicKey: tenant.rootKey.publicKey };
    const verified = await verifySigningKeyChain(nodeCrypto, scope, bodies.map(linkIn));
    expect(verified).toMatchObject({ keyId: third.keyId, userId: editor.id });
    expect(Buffer.from(verified.publicKey).toString('base64')).toBe(third.publicKey);
    const listed = (await tenant.call('GET', '/v1/signing-keys')).body.items;
    expect(new Set(listed.map((key: { id: string }) => key.id))).toEqual(
      new Set([first.keyId, second.keyId, third.keyId]),
    );
    expect((await tenant.call('GET', `/v1/signing-keys/${second.keyId}`)).body).toMatchObject({
      enrolledBy: first.keyId,
      publicKey: second.publicKey,
      state: 'active',
    });
  });

  it('takes both signatures, over this statement, of keys that may', async () => {
    const tenant = await api.tenant();
    const other = await api.tenant();
    const [own, foreign] = [new RequestSigner(), new RequestSigner()];
    await own.enrol(tenant.call, tenant.rootKey);
    await foreign.enrol(other.call, other.rootKey);
    const editor = await user(tenant.call, 'editor');
    const editors = new RequestSigner();
    await editors.enrol(editor.call, own.asEnroller);
    const revoked = new RequestSigner();
    await revoked.enrol(tenant.call, own.asEnroller);
    await tenant.call('DELETE', `/v1/signing-keys/${revoked.keyId}`);
    const fresh = new RequestSigner();
    const good = await fresh.enrolment(tenant.call, own.asEnroller);
    const by = (enroller: RequestSigner) => fresh.enrolment(tenant.call, enroller.asEnroller);
    const bytes = (length: number) => randomBytes(length).toString('base64');
    const cases: [string, object, string][] = [
      ['another statement', { ...good, id: 'sgk-00000000000000001' }, '/signature'],
      ['a signature of nobody', { ...good, signature: bytes(64) }, '/signature'],
      ['a possession of nobody', { ...good, possession: bytes(64) }, '/possession'],
      ['its own signature for the enroller’s', { ...good, signature: good.possession }, '/signature'],
      ['another root', await fresh.enrolment(tenant.call, other.rootKey), '/signature'],
      ['a revoked key', await by(revoked), '/enrolledBy'],
      ['a key of another tenant', await by(foreign), '/enrolledBy'],
      ['a key of another user who is no owner', await by(editors), '/enrolledBy'],
      ['a key of low order', { ...good, publicKey: Buffer.alloc(32).toString('base64') }, '/publicKey'],
      ['a short key', { ...good, publicKey: bytes(31) }, '/publicKey'],
      ['a short signature', { ...good, signature: bytes(63) }, '/signature'],
      ['an id of another form', { ...good, id: 'sgk-1' }, '/id'],
      ['an enroller of another form', { ...good, enrolledBy: 'somebody' }, '/enrolledBy'],
    ];
    for (const [what, body, pointer] of cases) {
      const reply = await tenant.call('POST', '/v1/signing-keys', body);
      expect([what, reply.status, reply.body.errors?.[0].pointer]).toEqual([what, 400, pointer]);
    }
    const missing = await tenant.call('POST', '/v1/signing-keys', { ...good, enrolledBy: 'sgk-00000000000000009' });
    const theirs = await tenant.call('POST', '/v1/signing-keys', await by(foreign));
    const told = (text: string, id: string) => text.replaceAll(id, '<id>').replace(/req-[0-9a-f]+/, '');
    expect(told(JSON.stringify(theirs.body), foreign.keyId)).toBe(
      told(JSON.stringify(missing.body), 'sgk-00000000000000009'),
    );
    expect((await tenant.call('POST', '/v1/signing-keys?dryRun=true', good)).status).toBe(200);
    expect((await tenant.call('POST', '/v1/signing-keys', good)).status).toBe(201);
    expect((await tenant.call('POST', '/v1/signing-keys', good)).body.code).toBe('SigningKeyIdTaken');
    const again = Object.assign(Object.create(fresh), { keyId: 'sgk-00000000000000001' }) as RequestSigner;
    const twice = await again.enrolment(tenant.call, own.asEnroller);
    expect((await tenant.call('POST', '/v1/signing-keys', twice)).body.code).toBe('SigningKeyEnrolled');
  });

  it('for the operator begins with a key that signs for itself, once', async () => {
    const [first, second] = [new RequestSigner(), new RequestSigner()];
    const self = (signer: RequestSigner) => ({ id: 'root', sign: (text: string) => signer.sign(text) });
    const enrolled = await first.enrol(api.operator, self(first));
    const entry = await bodyOf(enrolled.body.ledgerEntryId);
    const { origin } = api.app.get(LogIdentity);
    const scope = { origin, tenant: 'tnt-00000000000000000', rootPublicKey: first.publicKey };
    expect((await verifySigningKeyChain(nodeCrypto, scope, [linkIn(entry)])).keyId).toBe(first.keyId);
    const refused = await api.operator('POST', '/v1/signing-keys', await second.enrolment(api.operator, self(second)));
    expect([refused.status, refused.body.errors[0].rule]).toEqual([400, 'signing-key.no-root']);
    await second.enrol(api.operator, first.asEnroller);
  });
});

describe('revoking a signing key', () => {
  it('is for its user, or for who may change users; and keeps its user from being deleted until then', async () => {
    const tenant = await api.tenant();
    const owners = new RequestSigner();
    await owners.enrol(tenant.call, tenant.rootKey);
    const editor = await user(tenant.call, 'editor');
    const editors = new RequestSigner();
    await editors.enrol(editor.call, owners.asEnroller);
    const refused = await editor.call('DELETE', `/v1/signing-keys/${owners.keyId}`);
    expect([refused.status, refused.body.code]).toEqual([403, 'Forbidden']);
    const keys = (await tenant.call('GET', '/v1/api-keys')).body.items as { id: string; userId: string }[];
    const blocked = await tenant.call('DELETE', `/v1/users/${editor.id}`);
    expect(blocked.body.blockers.map((blocker: { kind: string }) => blocker.kind)).toEqual(['api-key', 'signing-key']);
    for (const key of keys.filter(({ userId }) => userId === editor.id))
      await tenant.call('DELETE', `/v1/api-keys/${key.id}`);
    const one = await tenant.call('DELETE', `/v1/signing-keys/${editors.keyId}`);
    expect(await bodyOf(one.body.ledgerEntryId)).toMatchObject({
      action: 'signing-key.revoked',
      before: { revokedAt: null },
      after: { revokedAt: expect.any(String) },
    });
    expect((await tenant.call('DELETE', `/v1/signing-keys/${editors.keyId}`)).body.code).toBe('AlreadyRevoked');
    expect((await tenant.call('DELETE', `/v1/users/${editor.id}`)).status).toBe(200);
    const foreign = await (await api.tenant()).call('DELETE', `/v1/signing-keys/${owners.keyId}`);
    expect([foreign.status, foreign.body.code]).toEqual([404, 'NotFound']);
  });

  it('can be signed with the key itself, and is the last thing that is', async () => {
    const tenant = await api.tenant();
    const signer = new RequestSigner();
    await signer.enrol(tenant.call, tenant.rootKey);
    const signed = signer.caller(api.url, tenant.call);
    const revoked = await signed('DELETE', `/v1/signing-keys/${signer.keyId}`);
    expect(revoked.status).toBe(200);
    expect((await bodyOf(revoked.body.ledgerEntryId)).vouched).toMatchObject({ mode: 'signed', keyId: signer.keyId });
    expect((await signed('POST', '/v1/datasets', { name: 'x' })).body.code).toBe('SigningKeyUnknown');
  });
});

describe('a signature policy', () => {
  it('holds every user of the tenant to what it says, and nobody else', async () => {
    const tenant = await api.tenant();
    const policy = (call: Caller, mode: string, actions?: string[]) =>
      call('PUT', '/v1/tenant/signature-policy', { mode, actions });
    expect((await tenant.call('GET', '/v1/tenant/signature-policy')).body).toEqual({
      mode: 'optional',
      actions: [],
      version: 0,
    });
    const early = await policy(tenant.call, 'required');
    expect([early.status, early.body.code]).toEqual([409, 'NoSigningKey']);
    const signer = new RequestSigner();
    await signer.enrol(tenant.call, tenant.rootKey);
    const signed = signer.caller(api.url, tenant.call);
    const worded = await policy(tenant.call, 'required', ['Subnet.*']);
    expect([worded.status, worded.body.errors[0].pointer]).toEqual([400, '/actions/0']);

    const set = await policy(tenant.call, 'required', ['vpc.*', 'dataset.created']);
    expect(set.body).toMatchObject({ mode: 'required', actions: ['vpc.*', 'dataset.created'], version: 1 });
    expect(await bodyOf(set.body.ledgerEntryId)).toMatchObject({
      action: 'signature-policy.set',
      resource: { type: 'signature-policy', id: tenant.id, version: 1 },
      before: null,
      after: { mode: 'required', actions: ['vpc.*', 'dataset.created'] },
    });
    const unsigned = await tenant.call('POST', '/v1/datasets', { name: 'x' });
    expect([unsigned.status, unsigned.body.code, unsigned.body.action]).toEqual([
      428,
      'SignatureRequired',
      'dataset.created',
    ]);
    expect(unsigned.body.errors[0].fix).toContain('/v1/signing-keys');
    expect((await tenant.call('POST', '/v1/datasets?dryRun=true', { name: 'x' })).body.code).toBe('SignatureRequired');
    expect((await tenant.call('GET', '/v1/datasets')).body.items).toEqual([]);
    expect((await signed('POST', '/v1/datasets', { name: 'x' })).status).toBe(201);
    expect((await tenant.call('POST', '/v1/elastic-ips', {})).body.code).not.toBe('SignatureRequired');

    expect((await policy(tenant.call, 'optional')).body.code).toBe('SignatureRequired');
    expect((await policy(signed, 'required')).status).toBe(200);
    const user = await tenant.call('POST', '/v1/users', { name: 'second', roles: ['editor'] });
    expect(user.body.code).toBe('SignatureRequired');
    // A user without a key can still come to have one: the enrolment is signed in itself.
    const second = new RequestSigner();
    await second.enrol(tenant.call, signer.asEnroller);
    const suspended = await api.operator('POST', `/v1/system/tenants/${tenant.id}/suspend`);
    expect(suspended.status).toBe(200);
    await api.operator('POST', `/v1/system/tenants/${tenant.id}/resume`);
    expect((await policy(signed, 'optional', ['vpc.*'])).body).toMatchObject({ mode: 'optional', actions: ['vpc.*'] });
    expect((await tenant.call('POST', '/v1/datasets', { name: 'y' })).status).toBe(201);
    const other = await api.tenant();
    expect((await other.call('POST', '/v1/datasets', { name: 'y' })).status).toBe(201);
  });

  it('is its tenant’s owners’ alone to change', async () => {
    const tenant = await api.tenant();
    const editor = await user(tenant.call, 'editor');
    const body = { mode: 'optional', actions: [] };
    expect((await editor.call('PUT', '/v1/tenant/signature-policy', body)).body.code).toBe('Forbidden');
    expect((await editor.call('GET', '/v1/tenant/signature-policy')).status).toBe(200);
  });
});
