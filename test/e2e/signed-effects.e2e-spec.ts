import { Test } from '@nestjs/testing';
import { DatabaseModule } from '#database';
import { KeyringModule } from '#keyring';
import { LedgerModule, Sequencer, SequencerModule } from '#ledger';
import {
  checkEffect,
  nodeCrypto,
  parseBody,
  SignedRequestUse,
  verifyBundle,
  verifyEvidence,
  verifyReceipt,
} from '#proof';
import { ClockModule } from '#telemetry';
import { NetworkFixture, succeeded, type WholeNetwork } from '../../libs/network/src/testing/network-fixture.js';
import { RequestSigner } from '../support/request-signer.js';
import type { Caller, TestApi } from '../support/test-api.js';

let fixture: NetworkFixture;
let tenant: Awaited<ReturnType<TestApi['tenant']>>;
let signer: RequestSigner;
let signed: Caller;
let network: WholeNetwork;
let sequencer: Sequencer;
let close: () => Promise<void>;

beforeAll(async () => {
  fixture = await NetworkFixture.start();
  const { api } = fixture;
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
  await fixture.pool('public', '203.0.113.0/24');
  await fixture.gatewayHost('gateway');
  tenant = await api.tenant();
  signer = new RequestSigner();
  await signer.enrol(tenant.call, tenant.rootKey);
  signed = signer.caller(api.url, tenant.call);
  network = await fixture.wholeNetwork({ id: tenant.id, call: signed });
});
afterAll(async () => {
  await close?.();
  await fixture?.close();
});

/** All entries of the tenant that are signed, in their order, with their evidence. */
async function signedEntries() {
  const admin = await fixture.client(fixture.api.database.adminUrl);
  const { rows } = await admin.query<{ body: Buffer }>(
    `SELECT e.body FROM ledger_entry e JOIN ledger_pending p ON p.entry_id = e.id
      WHERE e.tenant_id = $1 ORDER BY p.position`,
    [tenant.id],
  );
  const evidence = new Map<string, Buffer>(
    (await admin.query("SELECT encode(commitment, 'hex') AS c, document FROM request_evidence")).rows.map((row) => [
      row.c,
      row.document,
    ]),
  );
  return rows
    .map(({ body }) => parseBody(body))
    .flatMap((body) =>
      body.vouched.mode === 'signed' ? [{ body, document: evidence.get(body.vouched.evidence)! }] : [],
    );
}

it('every change of a network is recomputed from the evidence of its request', async () => {
  const { vpcId, routeTableId, associationId, natGatewayId, elasticIpId, internetGatewayId, vpnConnectionId } = network;
  const { privateSubnetId, customerGatewayId, vpnGatewayId, secondaryBlockId, mainRouteTableId } = network;
  const call = async (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    succeeded(await signed(method, path, body, headers));
  await call('PATCH', `/v1/vpcs/${vpcId}`, { name: 'renamed', tags: { z: '1', a: '2' } });
  await call('PATCH', `/v1/subnets/${privateSubnetId}`, { name: null });
  await call('PATCH', `/v1/nat-gateways/${natGatewayId}`, { name: 'nat' });
  await call('PATCH', `/v1/elastic-ips/${elasticIpId}`, { tags: { a: 'b' } });
  await call('PATCH', `/v1/customer-gateways/${customerGatewayId}`, { name: 'data centre' });
  await call('PATCH', `/v1/vpn-connections/${vpnConnectionId}`, { remotePrefixes: ['172.18.0.0/16', '172.17.0.0/16'] });
  await call('PUT', `/v1/vpcs/${vpcId}/main-route-table`, { routeTableId });
  await call('PUT', `/v1/route-table-associations/${associationId}`, { routeTableId: mainRouteTableId });
  const other = await call('POST', '/v1/route-tables', { vpcId, name: 'other' });
  const routes = `/v1/route-tables/${other.id}/routes`;
  await call('POST', routes, { destinationCidrBlock: '198.18.0.0/15', natGatewayId });
  await call('PUT', routes, { destinationCidrBlock: '198.18.0.0/15', internetGatewayId });
  await call('DELETE', `${routes}?destinationCidrBlock=198.18.0.0%2F15`);
  await call('POST', `/v1/route-tables/${other.id}/propagations`, { vpnGatewayId });
  await call('DELETE', `/v1/route-tables/${other.id}/propagations/${vpnGatewayId}`);
  await call('DELETE', `/v1/route-tables/${other.id}`);
  await call('DELETE', `/v1/vpcs/${vpcId}/cidr-blocks/${secondaryBlockId}`);
  await call('POST', `/v1/vpn-connections/${vpnConnectionId}/customer-configuration?format=wg-quick`);
  await call('DELETE', `/v1/vpn-connections/${vpnConnectionId}`);
  await call('DELETE', `/v1/subnets/${privateSubnetId}`);
  const spare = await call('POST', '/v1/internet-gateways', { name: 'spare' });
  await call('PATCH', `/v1/internet-gateways/${spare.id}`, { name: 'still spare' });
  await call('DELETE', `/v1/internet-gateways/${spare.id}`);
  const second = await call('POST', '/v1/vpcs', { cidrBlock: '10.9.0.0/16' });
  const gateway = await call('POST', '/v1/internet-gateways', {});
  await call('POST', `/v1/internet-gateways/${gateway.id}/attach`, { vpcId: second.id });
  await call('POST', `/v1/internet-gateways/${gateway.id}/detach`, { vpcId: second.id });
  const vpn = await call('POST', '/v1/vpn-gateways', {});
  await call('POST', `/v1/vpn-gateways/${vpn.id}/attach`, { vpcId: second.id });
  await call('POST', `/v1/vpn-gateways/${vpn.id}/detach`, { vpcId: second.id });
  const address = await call('POST', '/v1/elastic-ips', { name: 'spare' });
  await call('DELETE', `/v1/elastic-ips/${address.id}`, undefined, { 'if-match': '"1"' });
  const dataset = await call('POST', '/v1/datasets', { name: 'files' });
  await call('DELETE', `/v1/datasets/${dataset.id}`);
  const editor = await call('POST', '/v1/users', { name: 'editor', roles: ['viewer', 'editor'] });
  await call('PATCH', `/v1/users/${editor.id}`, { name: 'the editor' });
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString().replace(/\.\d+Z/, 'Z');
  const key = await call('POST', '/v1/api-keys', {
    userId: editor.id,
    name: 'x',
    scopes: ['network:read'],
    expiresAt,
  });
  await call('DELETE', `/v1/api-keys/${key.id}`);
  await call('DELETE', `/v1/users/${editor.id}`);
  await call('PUT', '/v1/tenant/signature-policy', { mode: 'required', actions: ['nothing.at-all'] });
  await call('PUT', '/v1/tenant/signature-policy', { mode: 'optional' });

  const entries = await signedEntries();
  const use = new SignedRequestUse();
  const wrong: unknown[] = [];
  for (const { body, document } of entries) {
    const facts = await verifyEvidence(nodeCrypto, document, Buffer.from(signer.publicKey, 'base64'));
    const effect = checkEffect(facts, body);
    if (!effect.matches) wrong.push([facts.method, facts.path, body.action, effect.detail]);
    use.note(facts, body);
  }
  expect(wrong).toEqual([]);
  expect(new Set(entries.map(({ body }) => body.action)).size).toBeGreaterThanOrEqual(45);
  // No evidence speaks for an entry of another request about a resource that was there before.
  const changes = entries.filter(({ body }) => body.before !== null);
  for (const { document } of entries) {
    const facts = await verifyEvidence(nodeCrypto, document, Buffer.from(signer.publicKey, 'base64'));
    const others = changes.filter((one) => one.document !== document && checkEffect(facts, one.body).matches);
    const strange = others.filter(({ body }) => body.action !== 'route-table-association.deleted');
    expect([facts.method, facts.path, strange.map(({ body }) => body.action)]).toEqual([facts.method, facts.path, []]);
  }
});

describe('receipts and bundles', () => {
  const options = () => ({
    crypto: nodeCrypto,
    viewKey: new Uint8Array(tenant.viewKey),
    rootPublicKey: tenant.rootKey.publicKey,
  });
  const bytes = async (path: string) => {
    const reply = await fetch(fixture.api.url + path, { headers: { authorization: `Bearer ${tenant.apiKey}` } });
    return new Uint8Array(await reply.arrayBuffer());
  };
  const actorOf = (report: { steps: { step: string; detail: string }[] }) =>
    report.steps.find(({ step }) => step === 'actor')?.detail;

  it('show who signed, with the chain to the root key; and that the evidence is gone once it was erased', async () => {
    const made = succeeded(await signed('POST', '/v1/datasets', { name: 'proven' }));
    const custodial = succeeded(await tenant.call('POST', '/v1/datasets', { name: 'said' }));
    while (!(await bytes('/v1/log/checkpoint')).length) await sequencer.tick();
    for (let turn = 0; turn < 50; turn++) await sequencer.tick();
    const receipt = async (id: string) => verifyReceipt(await bytes(`/v1/ledger/entries/${id}/receipt`), options());
    const report = await receipt(made.ledgerEntryId);
    expect(report.ok).toBe(true);
    expect(actorOf(report)).toMatch(new RegExp(`^signed by usr-[0-9a-f]{17} with ${signer.keyId}`));
    expect(actorOf(await receipt(custodial.ledgerEntryId))).toMatch(/^custodial/);
    const bundle = await verifyBundle(
      (async function* () {
        yield await bytes('/v1/ledger/bundle');
      })(),
      options(),
    );
    expect([bundle.firstBad, bundle.ok]).toEqual([null, true]);
    expect(actorOf(bundle)).toMatch(/^signed: [1-9][0-9]+; signed, evidence erased: 0; custodial: [1-9]/);

    const api = await fixture.apiRole(tenant.id);
    await expect(
      api.query("UPDATE request_evidence SET document = '', salt = decode(repeat('00', 32), 'hex')"),
    ).rejects.toThrow(/append-only/);
    await expect(api.query('UPDATE request_evidence SET document = NULL')).rejects.toThrow();
    await expect(api.query('DELETE FROM request_evidence')).rejects.toThrow(/permission denied/);
    const { vouched } = (await tenant.call('GET', `/v1/ledger/entries/${made.ledgerEntryId}`)).body;
    await api.query("UPDATE request_evidence SET document = NULL, salt = NULL WHERE encode(commitment, 'hex') = $1", [
      vouched.evidence,
    ]);
    const erased = await receipt(made.ledgerEntryId);
    expect([erased.ok, actorOf(erased)]).toEqual([true, expect.stringMatching(/^signed, evidence erased/)]);
  });
});

describe('where every action must be signed', () => {
  it('no route makes an unsigned change', async () => {
    const victim = await fixture.api.tenant();
    const owner = new RequestSigner();
    await owner.enrol(victim.call, victim.rootKey);
    const signing = owner.caller(fixture.api.url, victim.call);
    const whole = await fixture.wholeNetwork({ id: victim.id, call: signing });
    succeeded(await signing('PUT', '/v1/tenant/signature-policy', { mode: 'required' }));
    const dataset = succeeded(await signing('POST', '/v1/datasets', { name: 'x' }));
    const editor = succeeded(await signing('POST', '/v1/users', { name: 'editor', roles: ['editor'] }));
    const key = succeeded(await signing('POST', '/v1/api-keys', { userId: editor.id, name: 'x' }));
    const ids: Record<string, string> = {
      ...(whole as never as Record<string, string>),
      userId: editor.id,
      keyId: key.id,
      datasetId: dataset.id,
    };
    const idFor = (name: string) =>
      ({ subnetId: whole.privateSubnetId, cidrBlockId: whole.secondaryBlockId })[name] ?? ids[name] ?? name;
    const samples: Record<string, unknown> = {
      cidrBlock: '10.0.9.0/24',
      destinationCidrBlock: '198.18.0.0/15',
      zone: 'zone-1',
      remotePrefixes: ['172.20.0.0/16'],
      address: '198.51.100.9',
      name: 'another',
      roles: ['viewer'],
      mode: 'optional',
      vpcId: whole.vpcId,
    };
    const answers = await unsignedChanges(victim, (path) => !path.startsWith('/v1/system'), samples, idFor);
    expect([...answers.values()].filter((answer) => answer === 'SignatureRequired').length).toBeGreaterThan(30);
  });

  it('no route of the operator makes one', async () => {
    const { operator } = fixture.api;
    const first = new RequestSigner();
    await first.enrol(operator, { id: 'root', sign: (text) => first.sign(text) });
    const signing = first.caller(fixture.api.url, operator);
    const other = await fixture.api.tenant();
    const ids: Record<string, string> = {
      tenantId: other.id,
      addressPoolId: await fixture.pool('another', '198.18.0.0/24'),
      gatewayHostId: await fixture.gatewayHost('another'),
      quota: 'vpcs',
    };
    const samples: Record<string, unknown> = {
      name: 'a third',
      cidrBlock: '198.19.0.0/24',
      purpose: 'public',
      endpoint: 'third.example.net:51820',
      wireguardPublicKey: other.rootKey.publicKey,
      rootPublicKey: other.rootKey.publicKey,
      viewKey: other.viewKey.toString('base64'),
      allowed: 3,
      location: '/tmp/nowhere',
      failureDomain: 'rack',
      reason: 'a reason that is long enough',
    };
    succeeded(await signing('PUT', '/v1/tenant/signature-policy', { mode: 'required' }));
    const caller = { id: 'tnt-00000000000000000', call: operator };
    const answers = await unsignedChanges(
      caller,
      (path) => path.startsWith('/v1/system'),
      samples,
      (name) => ids[name] ?? name,
    );
    expect([...answers.values()].filter((answer) => answer === 'SignatureRequired').length).toBeGreaterThan(7);
    succeeded(await signing('PUT', '/v1/tenant/signature-policy', { mode: 'optional' }));
  });

  /** Sends every change of the API, unsigned and as good as can be, and makes sure that nothing comes of it. */
  async function unsignedChanges(
    { id, call }: { id: string; call: Caller },
    isMeant: (path: string) => boolean,
    samples: Record<string, unknown>,
    idFor: (name: string) => string,
  ): Promise<Map<string, string>> {
    const admin = await fixture.client(fixture.api.database.adminUrl);
    const count = async () =>
      (await admin.query('SELECT count(*)::int AS n FROM ledger_entry WHERE tenant_id = $1', [id])).rows[0].n;
    const before = await count();
    const document = (await fixture.api.caller(null)('GET', '/openapi.json')).body;
    const answers = new Map<string, string>();
    for (const [path, methods] of Object.entries<Record<string, never>>(document.paths)) {
      for (const [method, operation] of Object.entries<{ parameters: { name: string }[]; requestBody?: never }>(
        methods,
      )) {
        if (!operation.parameters.some(({ name }) => name === 'Idempotency-Key') || !isMeant(path)) continue;
        const schema = (operation.requestBody as { content?: never } | undefined)?.content?.['application/json'] as
          | { schema: { required?: string[] } }
          | undefined;
        const required = schema?.schema.required ?? [];
        const body = schema && Object.fromEntries(required.map((name) => [name, samples[name] ?? idFor(name)]));
        const target = path.replace(/\{(\w+)\}/g, (_all, name: string) => idFor(name));
        const query = /routes$/.test(path) && method === 'delete' ? '?destinationCidrBlock=198.18.0.0%2F15' : '';
        const reply = await call(method.toUpperCase(), target + query, body);
        answers.set(`${method.toUpperCase()} ${path}`, reply.status < 300 ? 'done' : reply.body.code);
      }
    }
    expect([...answers].filter(([, answer]) => answer === 'done')).toEqual([]);
    expect(await count()).toBe(before);
    return answers;
  }
});
