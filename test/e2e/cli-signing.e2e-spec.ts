import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newSigningKey, writeKeyFile } from '../../apps/cli/src/connection/signing-key-files.js';
import { freehold } from '../../apps/cli/src/testing/recording-terminal.js';
import { startTestApi, type TestApi } from '../support/test-api.js';

let api: TestApi;
let folder: string;
let env: Record<string, string>;
beforeAll(async () => {
  api = await startTestApi();
  folder = mkdtempSync(join(tmpdir(), 'freehold-cli-signing-'));
  const { body } = await api.operator('GET', '/v1/users');
  const key = await api.operator('POST', '/v1/api-keys', { userId: body.items[0].id, name: 'command line' });
  const operator = {
    FREEHOLD_CONFIG: path('operator/config.json'),
    FREEHOLD_URL: api.url,
    FREEHOLD_API_KEY: key.body.apiKey,
  };
  const first = await reply(operator, 'signing-key', 'create');
  expect(first).toMatchObject({ enrolledBy: 'root', state: 'active' });
  const made = await reply(operator, 'tenant', 'create', '--name', 'Acme', '--keys', path('acme.keys.json'));
  expect(await vouchingOf(made.ledgerEntryId, operator)).toMatchObject({ mode: 'signed', keyId: first.id });
  env = { FREEHOLD_CONFIG: path('acme/config.json'), FREEHOLD_URL: api.url, FREEHOLD_API_KEY: made.ownerApiKey };
});
afterAll(async () => {
  await api?.close();
  rmSync(folder, { recursive: true, force: true });
});

const path = (name: string) => join(folder, name);
const keyFolder = () => path('acme/signing-keys');
const files = () => (existsSync(keyFolder()) ? readdirSync(keyFolder()) : []);

async function reply(around: Record<string, string>, ...args: string[]) {
  const { code, out, err } = await freehold([...args, '-o', 'json'], { env: around });
  if (code !== 0) throw new Error(`freehold ${args.join(' ')} ended with ${code}: ${err}`);
  return JSON.parse(out);
}

const acme = (...args: string[]) => reply(env, ...args);
const run = (...args: string[]) => freehold(args, { env });
const vouchingOf = async (entryId: string, around = env) => (await reply(around, 'ledger', 'get', entryId)).vouched;
let number = 0;
async function change(...args: string[]) {
  number += 1;
  const made = await acme('dataset', 'create', '--name', `data ${number}`, ...args);
  return vouchingOf(made.ledgerEntryId);
}

let first: string;

it('signs nothing before there is a key, and makes one only when somebody vouches for it', async () => {
  expect(await change()).toEqual({ mode: 'custodial' });
  expect(await run('signing-key', 'create')).toMatchObject({ code: 2, err: expect.stringContaining('--root-keys') });
  writeFileSync(path('other.json'), '{}');
  expect((await run('signing-key', 'create', '--root-keys', path('other.json'))).code).toBe(2);
  const dry = await run('signing-key', 'create', '--root-keys', path('acme.keys.json'), '--dry-run');
  expect(dry.code).toBe(0);
  expect(files()).toEqual([]);
});

it('keeps a key in a file of its owner alone, and signs every change with it', async () => {
  const made = await acme('signing-key', 'create', '--root-keys', path('acme.keys.json'), '--name', 'laptop');
  first = made.id;
  expect(files()).toEqual([`${first}.json`]);
  expect(statSync(join(keyFolder(), files()[0]!)).mode & 0o777).toBe(0o600);
  expect(statSync(keyFolder()).mode & 0o777).toBe(0o700);
  const { privateKey } = JSON.parse(readFileSync(join(keyFolder(), files()[0]!), 'utf8'));
  expect(JSON.stringify(made)).not.toContain(privateKey.split('\n')[1]);
  expect(await change()).toEqual({ mode: 'signed', keyId: first, evidence: expect.any(String) });
  expect(await change('--unsigned')).toEqual({ mode: 'custodial' });
  const vpc = await acme('vpc', 'create', '--cidr-block', '10.0.0.0/16', '--tag', 'a=ü & ?#');
  const renamed = await acme('vpc', 'update', vpc.id, '--name', 'neu', '--if-match', `${vpc.version}`);
  expect((await vouchingOf(renamed.ledgerEntryId)).mode).toBe('signed');
  expect((await acme('vpc', 'delete', vpc.id, '-y')).state).toBe('deleting');
});

it('answers what a tenant demands', async () => {
  await acme('signature-policy', 'set', '--mode', 'required', '--action', 'dataset.*');
  expect(await acme('signature-policy', 'get')).toMatchObject({ mode: 'required', actions: ['dataset.*'] });
  const unsigned = await run('dataset', 'create', '--name', 'unsigned', '--unsigned');
  expect(unsigned).toMatchObject({ code: 4, err: expect.stringContaining('dataset.created') });
  expect((await change()).keyId).toBe(first);
  await acme('signature-policy', 'set', '--mode', 'optional');
});

it('lets a key enrol the next, for this user and for others, and uses the newest', async () => {
  const second = (await acme('signing-key', 'create')).id;
  expect((await acme('signing-key', 'get', second)).enrolledBy).toBe(first);
  expect([...files()].sort()).toEqual([`${first}.json`, `${second}.json`].sort());
  const newest = [first, second].sort().at(-1)!;
  expect((await change()).keyId).toBe(newest);
  const named = { ...env, FREEHOLD_SIGNING_KEY: join(keyFolder(), `${first}.json`) };
  const made = await reply(named, 'dataset', 'create', '--name', 'named');
  expect((await vouchingOf(made.ledgerEntryId)).keyId).toBe(first);

  const user = await acme('user', 'create', '--name', 'colleague', '--role', 'editor');
  const key = await acme('api-key', 'create', '--user-id', user.id, '--name', 'of the colleague');
  const colleague = { ...env, FREEHOLD_CONFIG: path('colleague/config.json'), FREEHOLD_API_KEY: key.apiKey };
  const vouched = ['--enrolled-by', join(keyFolder(), `${first}.json`)];
  const theirs = await reply(colleague, 'signing-key', 'create', ...vouched);
  expect(theirs).toMatchObject({ userId: user.id, enrolledBy: first });
  const wrong = await freehold(['signing-key', 'use', join(keyFolder(), `${first}.json`)], { env: colleague });
  expect(wrong).toMatchObject({ code: 2, out: '' });
});

it('goes on with a new API key of the same user once it is told to, and stops with a revoked key', async () => {
  const { userId } = await acme('signing-key', 'get', first);
  const key = await acme('api-key', 'create', '--user-id', userId, '--name', 'rotated');
  const before = env;
  env = { ...env, FREEHOLD_API_KEY: key.apiKey };
  expect(await change()).toEqual({ mode: 'custodial' });
  await acme('signing-key', 'use', join(keyFolder(), `${first}.json`));
  expect((await change()).keyId).toBe(first);
  await acme('signing-key', 'revoke', first, '-y');
  expect(files()).not.toContain(`${first}.json`);
  expect(await change()).toEqual({ mode: 'custodial' });
  env = before;
  const listed = await acme('signing-key', 'list');
  expect(listed.find((one: { id: string }) => one.id === first).state).toBe('revoked');
});

it('enrols a key that was made and not enrolled', async () => {
  const { userId } = await acme('signing-key', 'get', first);
  const { tenantId } = JSON.parse(readFileSync(path('acme.keys.json'), 'utf8'));
  const file = newSigningKey({ url: api.url, tenantId, userId, apiKeys: [] });
  writeKeyFile(path('made.json'), file);
  const enrolled = await acme('signing-key', 'enrol', path('made.json'), '--root-keys', path('acme.keys.json'));
  expect(enrolled).toMatchObject({ id: file.keyId, enrolledBy: 'root' });
  await acme('signing-key', 'use', path('made.json'));
  expect((await change()).keyId).toBe(file.keyId);
  const elsewhere = newSigningKey({ url: 'http://elsewhere.example', tenantId, userId, apiKeys: [] });
  writeKeyFile(path('elsewhere.json'), elsewhere);
  const refused = await run('signing-key', 'enrol', path('elsewhere.json'), '--root-keys', path('acme.keys.json'));
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('elsewhere.example') });
});

it('removes a file whose key was refused', async () => {
  const root = JSON.parse(readFileSync(path('acme.keys.json'), 'utf8'));
  const { rootPrivateKey } = JSON.parse(readFileSync(path('acme.keys.json'), 'utf8'));
  const other = await import('node:crypto').then(
    ({ generateKeyPairSync }) => generateKeyPairSync('ed25519').privateKey,
  );
  const pem = other.export({ format: 'pem', type: 'pkcs8' }).toString();
  expect(pem).not.toBe(rootPrivateKey);
  writeFileSync(path('forged.json'), JSON.stringify({ ...root, rootPrivateKey: pem }));
  const before = files();
  expect(await run('signing-key', 'create', '--root-keys', path('forged.json'))).toMatchObject({ code: 1 });
  expect(files()).toEqual(before);
});
