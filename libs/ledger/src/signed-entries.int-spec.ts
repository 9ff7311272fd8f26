import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { UnitOfWork } from '#database';
import { newId, type OpContext, type RequestSignature, type SigningKeyId, type TenantId } from '#kernel';
import { evidenceCommitment, nodeCrypto, parseBody } from '#proof';
import { createTestDatabase, type TestDatabase } from '../../../test/support/embedded-database.js';
import { EvidenceRepository } from './infra/evidence.repository.js';
import { contextOf, LedgerProcess, subnetCreated } from './testing/ledger-process.js';

const acme = newId('tenant');
const globex = newId('tenant');
let folder: string;
let database: TestDatabase;
let admin: pg.Client;
let api: LedgerProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freehold-signed-entries-'));
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  const worker = await LedgerProcess.worker(database, folder);
  api = await LedgerProcess.api(database, folder);
  for (const tenant of [acme, globex]) {
    await admin.query('INSERT INTO tenant (id, name, name_folded) VALUES ($1, $1, $1)', [tenant]);
    await worker.openChain(tenant, randomBytes(32));
  }
  await worker.close();
});
afterAll(async () => {
  await admin?.end();
  await api?.close();
  await rm(folder, { recursive: true, force: true });
});

async function enrolled(tenantId: TenantId, enrolledBy: string | null = null): Promise<SigningKeyId> {
  const id = newId('signingKey');
  await admin.query(
    `INSERT INTO signing_key (tenant_id, id, user_id, name, public_key, enrolled_by, signature, possession)
     VALUES ($1, $2, $3, 'a key', $4, $5, $6, $6)`,
    [tenantId, id, newId('user'), randomBytes(32), enrolledBy, randomBytes(64)],
  );
  return id;
}

function signatureOf(keyId: SigningKeyId): RequestSignature {
  const [document, salt] = [randomBytes(300), randomBytes(32)];
  return {
    keyId,
    nonce: newId('request'),
    evidence: { document, salt, commitment: evidenceCommitment(nodeCrypto, salt, document) },
  };
}

const signedContext = (tenant: TenantId, signature: RequestSignature, more: Partial<OpContext> = {}): OpContext => ({
  ...contextOf(tenant),
  signature,
  ...more,
});

async function vouchings(ids: string[]) {
  const { rows } = await admin.query('SELECT body FROM ledger_entry WHERE id = ANY ($1) ORDER BY id', [ids]);
  return rows.map(({ body }) => parseBody(body).vouched);
}

const evidenceRows = async (signature: RequestSignature) =>
  (
    await admin.query("SELECT * FROM request_evidence WHERE commitment = decode($1, 'hex')", [
      signature.evidence.commitment,
    ])
  ).rows;

it('all entries of one signed request hold one commitment, whose evidence is stored once', async () => {
  const signature = signatureOf(await enrolled(acme));
  const ids = await api.change(acme, 3, signedContext(acme, signature));
  const expected = { mode: 'signed', keyId: signature.keyId, evidence: signature.evidence.commitment };
  expect(await vouchings(ids)).toEqual([expected, expected, expected]);
  const rows = await evidenceRows(signature);
  expect(rows).toMatchObject([
    { tenant_id: acme, document: signature.evidence.document, salt: signature.evidence.salt },
  ]);
});

it('an entry in another tenant’s chain is custodial there, and its evidence stays at home', async () => {
  const signature = signatureOf(await enrolled(acme));
  const [own, other] = await api.module
    .get(UnitOfWork)
    .run(signedContext(acme, signature), async (tx) => [
      api.writer.append(tx, subnetCreated(1)).ledgerEntryId,
      api.writer.append(tx, { ...subnetCreated(2), tenantId: globex }).ledgerEntryId,
    ]);
  expect((await vouchings([own!]))[0]).toMatchObject({ mode: 'signed' });
  expect(await vouchings([other!])).toEqual([{ mode: 'custodial' }]);
  expect((await evidenceRows(signature)).map((row) => row.tenant_id)).toEqual([acme]);
});

it('what is recorded in the name of another is signed by nobody', async () => {
  const signature = signatureOf(await enrolled(acme));
  const as = { actor: { type: 'system' as const, id: 'a-worker', keyId: null }, requestId: newId('request') };
  const id = await api.module
    .get(UnitOfWork)
    .run(signedContext(acme, signature), async (tx) => api.writer.append(tx, subnetCreated(1), as).ledgerEntryId);
  expect(await vouchings([id])).toEqual([{ mode: 'custodial' }]);
});

it('a key that is revoked before the commit takes the whole change with it', async () => {
  const keyId = await enrolled(acme);
  const signature = signatureOf(keyId);
  const count = async () => (await admin.query('SELECT count(*)::int AS n FROM ledger_entry')).rows[0].n;
  const before = await count();
  const changing = api.module.get(UnitOfWork).run(signedContext(acme, signature), async (tx) => {
    api.writer.append(tx, subnetCreated(1));
    await tx.query('SELECT 1');
    await admin.query('UPDATE signing_key SET revoked_at = now() WHERE id = $1', [keyId]);
  });
  await expect(changing).rejects.toMatchObject({ code: 'SigningKeyUnknown', category: 'unauthenticated' });
  expect(await count()).toBe(before);
  expect(await evidenceRows(signature)).toEqual([]);
});

it('a tenant’s demand is met, or nothing happens; the service’s own processes are not held to it', async () => {
  const demand = { signaturesRequired: ['subnet.*'] };
  const refused = api.change(acme, 1, demand);
  await expect(refused).rejects.toMatchObject({ code: 'SignatureRequired', extra: { action: 'subnet.created' } });
  await expect(api.change(acme, 1, { ...demand, dryRun: true })).rejects.toMatchObject({ code: 'SignatureRequired' });
  await api.change(acme, 1, signedContext(acme, signatureOf(await enrolled(acme)), demand));
  await api.change(acme, 1, { signaturesRequired: ['vpc.*'] });
  const system = { type: 'system' as const, id: 'a-worker', keyId: null, roles: [] };
  await api.change(acme, 1, { ...demand, actor: system });
});

it('a dry run stores no evidence', async () => {
  const signature = signatureOf(await enrolled(acme));
  await api.change(acme, 1, signedContext(acme, signature, { dryRun: true }));
  expect(await evidenceRows(signature)).toEqual([]);
});

it('evidence is found with the chain of its key, for its own tenant alone, until it is erased', async () => {
  const first = await enrolled(acme);
  const second = await enrolled(acme, first);
  const third = await enrolled(acme, second);
  const signature = signatureOf(third);
  await api.change(acme, 1, signedContext(acme, signature));
  const { commitment, document, salt } = signature.evidence;
  const evidence = api.module.get(EvidenceRepository);
  const vouched = [{ mode: 'signed' as const, keyId: third, evidence: commitment }];
  const found = (tenant: TenantId) =>
    api.module.get(UnitOfWork).read(contextOf(tenant), (tx) => evidence.withChains(tx, vouched));
  const chained = (await found(acme)).get(commitment)!;
  expect(chained).toMatchObject({
    document: Buffer.from(document).toString('base64'),
    salt: Buffer.from(salt).toString('base64'),
  });
  expect(chained.chain.map((link) => [link.keyId, link.enrolledBy])).toEqual([
    [first, 'root'],
    [second, first],
    [third, second],
  ]);
  expect(await found(globex)).toEqual(new Map());
});

describe('the database', () => {
  const asTenant = async (tenant: TenantId, sql: string) => {
    const client = new pg.Client({ connectionString: database.urls.freehold_api });
    await client.connect();
    try {
      await client.query("SELECT set_config('app.tenant', $1, false)", [tenant]);
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };

  it.each(['signing_key', 'signature_policy', 'request_evidence'])(
    'shows no tenant the %s of another',
    async (table) => {
      await enrolled(globex);
      await admin.query('INSERT INTO signature_policy VALUES ($1, true, $2, 1) ON CONFLICT DO NOTHING', [globex, []]);
      await api.change(globex, 1, signedContext(globex, signatureOf(await enrolled(globex))));
      expect(await asTenant(globex, `SELECT 1 FROM ${table}`)).not.toEqual([]);
      expect(await asTenant(acme, `SELECT 1 FROM ${table} WHERE tenant_id <> '${acme}'`)).toEqual([]);
    },
  );

  it.each([
    `INSERT INTO signing_key (tenant_id, id, user_id, name, public_key, signature, possession)
     VALUES ('${globex}', 'sgk-00000000000000001', 'usr-00000000000000001', 'x', sha256(''), sha512(''), sha512(''))`,
    `INSERT INTO signature_policy VALUES ('${globex}', false, '{}', 9)`,
    `INSERT INTO request_evidence (tenant_id, commitment, signing_key_id) VALUES ('${globex}', sha256('x'), 'sgk-1')`,
  ])('lets no tenant write another’s: %s', async (sql) => {
    await expect(asTenant(acme, sql)).rejects.toThrow(/row-level security/);
  });

  it.each([
    "UPDATE signing_key SET public_key = sha256('x')",
    'UPDATE signing_key SET enrolled_by = NULL',
    'DELETE FROM signing_key',
    'DELETE FROM request_evidence',
    "UPDATE request_evidence SET commitment = sha256('x')",
  ])('refuses the api role %s', async (sql) => {
    await expect(asTenant(acme, sql)).rejects.toThrow(/permission denied/);
  });

  it.each([
    "UPDATE request_evidence SET document = ''",
    "UPDATE request_evidence SET signing_key_id = 'x', document = NULL, salt = NULL",
    'DELETE FROM request_evidence',
    'TRUNCATE request_evidence',
  ])('refuses even a superuser %s', async (sql) => {
    for (const role of ['origin', 'replica']) {
      await admin.query(`SET session_replication_role = ${role}`);
      await expect(admin.query(sql)).rejects.toThrow(/append-only/);
    }
    await admin.query('SET session_replication_role = origin');
  });
});
