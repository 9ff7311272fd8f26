import { execFile, execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { RootKey } from '../support/request-signer.js';
import { startTestApi, type TestApi } from '../support/test-api.js';

/** What docs/signing-requests.md says is run as it stands there, but for the address. */
const page = readFileSync(new URL('../../docs/signing-requests.md', import.meta.url), 'utf8');
const examples = (language: string) =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text]) => text!);

let api: TestApi;
let folder: string;
let tenant: Awaited<ReturnType<TestApi['tenant']>>;
let keyId: string;
let pem: string;

const isThere = (program: string) => {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`]);
    return true;
  } catch {
    return false;
  }
};
const missing = ['openssl', 'curl', 'base64', 'tail', 'sed'].filter((program) => !isThere(program));

beforeAll(async () => {
  api = await startTestApi();
  tenant = await api.tenant();
  folder = mkdtempSync(join(tmpdir(), 'freehold-docs-'));
});
afterAll(async () => {
  await api?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The API answers in this process: nothing may wait for the shell but a promise. */
async function shell(script: string): Promise<string> {
  const env = { ...process.env, API: api.url, FREEHOLD_API_KEY: tenant.apiKey, KEY_ID: keyId ?? '' };
  const { stdout } = await promisify(execFile)('sh', ['-e', '-c', script], { cwd: folder, env, timeout: 30_000 });
  return stdout;
}

if (missing.length > 0) {
  it('the examples of docs/signing-requests.md are not tested here: programs are missing', () => {
    console.warn(`NOT TESTED: the examples of docs/signing-requests.md (missing: ${missing.join(', ')})`);
  });
} else {
  it('enrols a key with openssl', async () => {
    const enrolment = examples('sh').find((text) => text.includes('genpkey'))!;
    // The one line that takes jq, which is no part of this: the reply has the statement.
    const { statement } = (await tenant.call('GET', '/v1/signing-keys/enrolment')).body;
    const script = enrolment.replace(/curl -s [\s\S]*?jq -j \.statement \\\n/, `printf '%s' '${statement}' \\\n`);
    keyId = await shell(`${script}\nprintf %s "$KEY_ID"`);
    pem = readFileSync(join(folder, 'key.pem'), 'utf8');
    const text = readFileSync(join(folder, 'statement'), 'utf8');
    const possession = await shell('openssl pkeyutl -sign -inkey key.pem -rawin -in statement | base64 -w0');
    const publicKey = text.split('\n')[5];
    const signature = (tenant.rootKey as RootKey).sign(text).toString('base64');
    const body = { id: keyId, name: 'openssl', publicKey, enrolledBy: 'root', signature, possession };
    expect((await tenant.call('POST', '/v1/signing-keys', body)).status).toBe(201);
  });

  it('signs with openssl and curl', async () => {
    const example = examples('sh').find((text) => text.includes('pkeyutl') && text.includes('curl'))!;
    const script = example.replace(/^API=.*$/m, '').replace('API#https://', 'API#http://');
    const reply = JSON.parse(await shell(script));
    const entry = await tenant.call('GET', `/v1/ledger/entries/${reply.ledgerEntryId}`);
    expect(entry.body.vouched).toMatchObject({ mode: 'signed', keyId });
  });

  it('signs with Node.js', async () => {
    const code = examples('js')[0]!
      .replace(/^import .*$/m, '')
      .replace('await fetch', 'return fetch')
      .replaceAll('https://cloud.example', api.url)
      .replaceAll('cloud.example', new URL(api.url).host)
      .replace('10.0.0.0/16', '10.9.0.0/16');
    const crypto = await import('node:crypto');
    const names = ['pem', 'keyId', 'apiKey', 'createHash', 'createPrivateKey', 'randomUUID', 'sign'];
    const run = new Function(...names, `return (async () => {${code}})()`);
    const reply: Response = await run(
      pem,
      keyId,
      tenant.apiKey,
      crypto.createHash,
      createPrivateKey,
      crypto.randomUUID,
      crypto.sign,
    );
    expect(reply.status).toBe(201);
    const entry = await tenant.call(
      'GET',
      `/v1/ledger/entries/${((await reply.json()) as { ledgerEntryId: string }).ledgerEntryId}`,
    );
    expect(entry.body.vouched).toMatchObject({ mode: 'signed', keyId });
  });
}
