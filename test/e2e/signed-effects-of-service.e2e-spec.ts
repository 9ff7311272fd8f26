import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Test } from '@nestjs/testing';
import pg from 'pg';
import { DatabaseModule } from '#database';
import { KeyringModule } from '#keyring';
import { LedgerModule, Sequencer, SequencerModule } from '#ledger';
import { checkEffect, nodeCrypto, parseBody, verifyEvidence } from '#proof';
import { ClockModule } from '#telemetry';
import { RequestSigner } from '../support/request-signer.js';
import { type Caller, startTestApi, type TestApi, type TestReply } from '../support/test-api.js';

let api: TestApi;
let admin: pg.Client;
let folder: string;
let sequencer: Sequencer;
let close: () => Promise<void>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'freehold-effects-'));
  api = await startTestApi({ FREEHOLD_EGRESS_ALLOW: '127.0.0.1/32', FREEHOLD_EGRESS_HTTP: 'allow' });
  admin = new pg.Client({ connectionString: api.database.adminUrl });
  await admin.connect();
  const worker = await Test.createTestingModule({
    imports: [
      DatabaseModule.forRoot({ url: api.database.urls.freehold_system, role: 'system', applicationName: 'test' }),
      ClockModule.forRoot(),
      KeyringModule.forRoot(api.settings),
      LedgerModule.forRoot(api.settings),
      SequencerModule.forRoot(api.settings),
    ],
  }).compile();
  sequencer = worker.get(Sequencer);
  close = () => worker.close();
});
afterAll(async () => {
  await close?.();
  await admin?.end();
  await api?.close();
  rmSync(folder, { recursive: true, force: true });
});

const calling =
  (call: Caller) =>
  async (method: string, path: string, body?: unknown): Promise<TestReply['body']> => {
    const reply = await call(method, path, body);
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(reply.body)}`);
    return reply.body;
  };

/** What does not follow from its request, of the signed entries of a chain; and what there was. */
async function wrongOnes(tenantId: string, signer: RequestSigner) {
  const { rows } = await admin.query<{ body: Buffer; document: Buffer }>(
    `SELECT e.body, v.document FROM ledger_entry e JOIN request_evidence v
         ON v.tenant_id = e.tenant_id AND encode(v.commitment, 'hex') = substring(convert_from(e.body, 'UTF8') FROM '"vouched":{"evidence":"([0-9a-f]{64})"')
      WHERE e.tenant_id = $1 AND e.body IS NOT NULL AND v.document IS NOT NULL`,
    [tenantId],
  );
  const wrong: unknown[] = [];
  const actions = new Set<string>();
  for (const { body: bytes, document } of rows) {
    const body = parseBody(bytes);
    const facts = await verifyEvidence(nodeCrypto, document, Buffer.from(signer.publicKey, 'base64'));
    const { matches, detail } = checkEffect(facts, body);
    if (!matches) wrong.push([facts.method, facts.path, body.action, detail]);
    actions.add(body.action);
  }
  return { wrong, actions };
}

const wireguardKey = () =>
  generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');

it('every change of the operator is recomputed from the evidence of its request', async () => {
  const signer = new RequestSigner();
  await signer.enrol(api.operator, { id: 'root', sign: (text) => signer.sign(text) });
  const call = calling(signer.caller(api.url, api.operator));
  const pool = await call('POST', '/v1/system/address-pools', {
    name: 'public',
    cidrBlock: '203.0.113.0/24',
    purpose: 'public',
  });
  await call('DELETE', `/v1/system/address-pools/${pool.id}`);
  const description = (name: string) => ({
    name,
    wireguardPublicKey: wireguardKey(),
    endpoint: `${name}.example.net:51820`,
  });
  const host = await call('POST', '/v1/system/gateway-hosts', description('one'));
  await call('PUT', `/v1/system/gateway-hosts/${host.id}`, description('two'));
  await call('DELETE', `/v1/system/gateway-hosts/${host.id}`);
  const node = await call('POST', '/v1/system/storage-nodes', {
    name: 'node',
    location: join(folder, 'node'),
    failureDomain: 'rack-1',
  });
  await call('PATCH', `/v1/system/storage-nodes/${node.id}`, { weight: 7, status: 'draining' });
  await call('DELETE', `/v1/system/storage-nodes/${node.id}`);
  const { rootKey, viewKey } = await api.tenant();
  const tenant = await call('POST', '/v1/system/tenants', {
    name: 'signed in',
    rootPublicKey: rootKey.publicKey,
    viewKey: viewKey.toString('base64'),
  });
  await call('PUT', `/v1/system/tenants/${tenant.id}/quotas/vpcs`, { allowed: 9 });
  await call('POST', `/v1/system/tenants/${tenant.id}/suspend`);
  await call('POST', `/v1/system/tenants/${tenant.id}/resume`);
  await sequencer.tick();
  await call('POST', `/v1/system/tenants/${tenant.id}/break-glass`, {
    reason: 'looked into for a test',
    scope: { fromSeq: 1, limit: 2 },
  });
  await call('DELETE', `/v1/system/tenants/${tenant.id}`);
  await call('POST', '/v1/system/log/keys');
  const { wrong, actions } = await wrongOnes('tnt-00000000000000000', signer);
  expect(wrong).toEqual([]);
  expect([...actions].sort()).toEqual([
    'address-pool.created',
    'address-pool.deleted',
    'break-glass.read',
    'gateway-host.deleted',
    'gateway-host.registered',
    'gateway-host.updated',
    'log-key.rotated',
    'quota.set',
    'storage-node.deleted',
    'storage-node.registered',
    'storage-node.updated',
    'tenant.created',
    'tenant.deleted',
    'tenant.resumed',
    'tenant.suspended',
  ]);
});

it('and what tenants tell others, disclose and erase', async () => {
  const tenant = await api.tenant();
  const signer = new RequestSigner();
  await signer.enrol(tenant.call, tenant.rootKey);
  const call = calling(signer.caller(api.url, tenant.call));
  const hook = await call('POST', '/v1/webhooks', { url: 'http://127.0.0.1:8080/x', events: ['ledger.entry'] });
  await call('PATCH', `/v1/webhooks/${hook.id}`, { description: 'of a test', enabled: false });
  await call('PATCH', `/v1/webhooks/${hook.id}`, {
    url: 'http://127.0.0.1:8080',
    actionPrefixes: ['vpc.', 'subnet.'],
    enabled: true,
  });
  await call('POST', `/v1/webhooks/${hook.id}/test`);
  await call('POST', `/v1/webhooks/${hook.id}/replay`, { fromSeq: 1 });
  await call('POST', `/v1/webhooks/${hook.id}/rotate-secret`, { overlapHours: 2 });
  await call('DELETE', `/v1/webhooks/${hook.id}`);
  const made = await call('POST', '/v1/datasets', { name: 'x' });
  const other = await call('POST', '/v1/datasets', { name: 'y' });
  for (let turn = 0; turn < 20; turn++) await sequencer.tick();
  await call('POST', '/v1/ledger/disclosures', {
    entryIds: [made.ledgerEntryId],
    recipient: 'an auditor',
    includeEvidence: true,
  });
  await call('POST', `/v1/ledger/entries/${other.ledgerEntryId}/erasures`, {
    scope: 'body',
    reason: 'asked for by who it is about',
  });
  const { wrong, actions } = await wrongOnes(tenant.id, signer);
  expect(wrong).toEqual([]);
  expect([...actions].sort()).toEqual([
    'dataset.created',
    'disclosure.created',
    'ledger-entry.erased',
    'webhook.created',
    'webhook.deleted',
    'webhook.replayed',
    'webhook.secret-rotated',
    'webhook.tested',
    'webhook.updated',
  ]);
});
