import { LedgerStateSources } from '#ledger';
import type { HistoryReport } from '#proof';
import { NetworkFixture, succeeded, type WholeNetwork } from '../../libs/network/src/testing/network-fixture.js';
import { type LogBeside, logBeside } from '../support/api-with-log.js';
import { RequestSigner } from '../support/request-signer.js';
import type { Caller } from '../support/test-api.js';

let fixture: NetworkFixture;
let log: LogBeside;
let operatorKey: string;

beforeAll(async () => {
  fixture = await NetworkFixture.start();
  log = await logBeside(fixture.api);
  await fixture.pool('public', '203.0.113.0/24');
  await fixture.gatewayHost('host-1');
  const user = (await fixture.api.operator('GET', '/v1/users')).body.items[0].id;
  operatorKey = succeeded(await fixture.api.operator('POST', '/v1/api-keys', { userId: user, name: 'audit' })).apiKey;
});
afterAll(async () => {
  await log?.closeLog();
  await fixture?.close();
});

/** A new tenant with one of everything, and what its auditor needs. */
async function wholeNetwork(): Promise<AuditedNetwork> {
  const { id, call, apiKey, viewKey } = await fixture.api.tenant();
  return { ...(await fixture.wholeNetwork({ id, call })), apiKey, viewKey };
}

type AuditedNetwork = WholeNetwork & { apiKey: string; viewKey: Uint8Array };

const auditOf = (tenant: { apiKey: string; viewKey: Uint8Array }) => log.audit(tenant);

/** A clean report: the entries and the rows tell one story. */
function expectOneStory(report: HistoryReport): void {
  const { ok, breaks, differences, unsigned, unexplainedErasures, firstBad } = report;
  expect({ firstBad, breaks, differences, unsigned, unexplainedErasures }).toEqual({
    firstBad: null,
    breaks: [],
    differences: [],
    unsigned: [],
    unexplainedErasures: [],
  });
  expect(ok).toBe(true);
  expect(report.compared).toBe(report.resources);
}

async function followFixes(call: Caller, path: string): Promise<void> {
  for (;;) {
    const reply = await call('DELETE', path);
    if (reply.status < 300) return;
    const [first] = reply.body.blockers as { fix: string }[];
    const [method, fixPath, ...body] = first!.fix.split(' ');
    succeeded(await call(method!, fixPath!, body.length > 0 ? JSON.parse(body.join(' ')) : undefined));
  }
}

/** Everything that can be done to a network, after it was built. */
async function liveWith(network: WholeNetwork): Promise<void> {
  const { call, vpcId, routeTableId, mainRouteTableId, vpnGatewayId, vpnConnectionId } = network;
  const done = async (method: string, path: string, body?: object) => succeeded(await call(method, path, body));
  await done('PATCH', `/v1/vpcs/${vpcId}`, { name: 'näme', tags: { b: '2', a: '1', 'a/b~c': 'x' } });
  await done('PATCH', `/v1/subnets/${network.publicSubnetId}`, { name: null, tags: { tier: 'public' } });
  for (const [kind, id] of [
    ['internet-gateways', network.internetGatewayId],
    ['nat-gateways', network.natGatewayId],
    ['elastic-ips', network.elasticIpId],
    ['vpn-gateways', vpnGatewayId],
    ['customer-gateways', network.customerGatewayId],
    ['vpn-connections', vpnConnectionId],
    ['route-tables', routeTableId],
  ]) {
    await done('PATCH', `/v1/${kind}/${id}`, { name: `the ${kind}`, tags: { kind: kind! } });
  }
  await done('PATCH', `/v1/vpn-connections/${vpnConnectionId}`, { remotePrefixes: ['172.20.0.0/16', '172.17.0.0/16'] });
  await done('POST', `/v1/vpn-connections/${vpnConnectionId}/customer-configuration`);
  const routes = `/v1/route-tables/${routeTableId}/routes`;
  const { natGatewayId, internetGatewayId } = network;
  await done('PUT', routes, { destinationCidrBlock: '192.168.0.0/16', natGatewayId });
  await done('DELETE', `${routes}?destinationCidrBlock=${encodeURIComponent('::/0')}`);
  await done('POST', routes, { destinationCidrBlock: '::/0', internetGatewayId });
  await done('POST', `/v1/route-tables/${routeTableId}/propagations`, { vpnGatewayId });
  await done('PUT', `/v1/vpcs/${vpcId}/main-route-table`, { routeTableId });
  await done('PUT', `/v1/vpcs/${vpcId}/main-route-table`, { routeTableId: mainRouteTableId });
  await done('PUT', `/v1/route-table-associations/${network.associationId}`, { routeTableId: mainRouteTableId });
  const other = await done('POST', '/v1/route-tables', { vpcId, name: 'short-lived' });
  await done('POST', `/v1/route-tables/${other.id}/routes`, { destinationCidrBlock: '8.0.0.0/8', natGatewayId });
  await done('POST', `/v1/route-tables/${other.id}/propagations`, { vpnGatewayId });
  await done('DELETE', `/v1/route-tables/${other.id}`);
  const lost = await done('POST', '/v1/subnets', { vpcId, cidrBlock: '10.1.7.0/24', zone: 'zone-1' });
  await done('POST', `/v1/route-tables/${routeTableId}/associations`, { subnetId: lost.id });
  await done('DELETE', `/v1/subnets/${lost.id}`);
  const block = await done('POST', `/v1/vpcs/${vpcId}/cidr-blocks`, { cidrBlock: '10.9.0.0/16' });
  const { id: blockId } = block.cidrBlocks.find(({ cidrBlock }: { cidrBlock: string }) => cidrBlock === '10.9.0.0/16');
  await done('DELETE', `/v1/vpcs/${vpcId}/cidr-blocks/${blockId}`);
}

/** Users, keys and what the operator does to the tenant. */
async function keepHouse({ call, tenantId }: { call: Caller; tenantId: string }): Promise<void> {
  const user = succeeded(await call('POST', '/v1/users', { name: 'Ada', roles: ['editor'] }));
  succeeded(await call('PATCH', `/v1/users/${user.id}`, { name: 'Ada L.', roles: ['viewer', 'auditor'] }));
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
  const body = { userId: user.id, name: 'k', scopes: ['ledger:read'], expiresAt };
  const key = succeeded(await call('POST', '/v1/api-keys', body));
  succeeded(await call('DELETE', `/v1/api-keys/${key.id}`));
  const leaving = succeeded(await call('POST', '/v1/users', { name: 'Bob', roles: ['viewer'] }));
  const last = succeeded(await call('POST', '/v1/api-keys', { userId: leaving.id, name: 'k' }));
  succeeded(await call('DELETE', `/v1/api-keys/${last.id}`));
  succeeded(await call('DELETE', `/v1/users/${leaving.id}`));
  const hook = { url: 'https://9.9.9.9/hook', events: ['ledger.entry'] };
  const webhook = succeeded(await call('POST', '/v1/webhooks', hook));
  succeeded(await call('PATCH', `/v1/webhooks/${webhook.id}`, { description: 'ours' }));
  succeeded(await call('POST', `/v1/webhooks/${webhook.id}/test`));
  succeeded(await call('POST', `/v1/webhooks/${webhook.id}/rotate-secret`, {}));
  const other = succeeded(await call('POST', '/v1/webhooks', hook));
  succeeded(await call('DELETE', `/v1/webhooks/${other.id}`));
  await fixture.allow(tenantId, 'vpcs', 7);
  await fixture.allow(tenantId, 'vpcs', 8);
  succeeded(await fixture.api.operator('POST', `/v1/system/tenants/${tenantId}/suspend`));
  succeeded(await fixture.api.operator('POST', `/v1/system/tenants/${tenantId}/resume`));
}

describe('a history', () => {
  it('is the story that the rows tell: while things are built, changed, realised, taken down, and after', async () => {
    const network = await wholeNetwork();
    expectOneStory(await auditOf(network));
    await liveWith(network);
    await keepHouse(network);
    expectOneStory(await auditOf(network));
    await fixture.realize(network.vpcId);
    expectOneStory(await auditOf(network));
    await followFixes(network.call, `/v1/vpcs/${network.vpcId}`);
    expectOneStory(await auditOf(network));
    await fixture.realize(network.vpcId);
    const report = await auditOf(network);
    expectOneStory(report);
    expect(report).toMatchObject({ complete: true, erased: 0, later: 0 });
  });

  it("follows the end of a tunnel that the operator moves, in the tenant's chain and in its own", async () => {
    const network = await wholeNetwork();
    const [host] = (await fixture.api.operator('GET', '/v1/system/gateway-hosts')).body.items;
    const { name, wireguardPublicKey } = host;
    const moved = { name, wireguardPublicKey, endpoint: 'elsewhere.example.net:51820' };
    succeeded(await fixture.api.operator('PUT', `/v1/system/gateway-hosts/${host.id}`, moved));
    succeeded(await network.call('PATCH', `/v1/vpn-connections/${network.vpnConnectionId}`, { name: 'after' }));
    expectOneStory(await auditOf(network));
    const { items } = (await network.call('GET', '/v1/ledger/entries?action=vpn-connection.endpoint-moved')).body;
    expect(items).toMatchObject([
      { resource: { id: network.vpnConnectionId }, after: { gatewayEndpoint: expect.stringContaining('elsewhere') } },
    ]);
  });

  it('with signed requests is that of its signers, from the policy on', async () => {
    const tenant = await fixture.api.tenant();
    const signer = new RequestSigner();
    const enrolment = await signer.enrolment(tenant.call, { id: 'root', sign: (text) => tenant.rootKey.sign(text) });
    succeeded(await tenant.call('POST', '/v1/signing-keys', enrolment));
    const signed = signer.caller(fixture.api.url, tenant.call);
    succeeded(await signed('PUT', '/v1/tenant/signature-policy', { mode: 'required', actions: [] }));
    expect((await tenant.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' })).status).toBe(428);
    const vpc = succeeded(await signed('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' }));
    succeeded(await signed('PATCH', `/v1/vpcs/${vpc.id}`, { name: 'signed' }));
    await fixture.allow(tenant.id, 'vpcs', 6);
    const report = await auditOf(tenant);
    expectOneStory(report);
    expect(report.signed).toBeGreaterThanOrEqual(4);
  });

  it('is complete for the operator: tenants, quotas, pools, hosts, keys', async () => {
    const gone = await fixture.api.tenant();
    succeeded(await fixture.api.operator('DELETE', `/v1/system/tenants/${gone.id}`));
    succeeded(await fixture.api.operator('POST', '/v1/system/log/keys'));
    const pool = await fixture.pool('short-lived', '198.51.100.0/24');
    succeeded(await fixture.api.operator('DELETE', `/v1/system/address-pools/${pool}`));
    const report = await log.audit({ apiKey: operatorKey });
    expectOneStory(report);
    expect(report.resources).toBeGreaterThan(5);
  });

  it('has a source for the state of every type that an entry was ever about', async () => {
    const recorded = await log.sql<{ type: string; event: boolean }>(
      `SELECT resource_type AS type, bool_and(convert_from(body, 'UTF8')::json ->> 'class' = 'audit') AS event
         FROM ledger_entry WHERE body IS NOT NULL GROUP BY 1 ORDER BY 1`,
    );
    const sources = fixture.api.app.get(LedgerStateSources, { strict: false }).all();
    const known = new Set(sources.flatMap(({ types }) => types));
    expect(recorded.filter(({ type, event }) => !event && !known.has(type))).toEqual([]);
    expect(recorded.length).toBeGreaterThan(18);
  });
});

describe('erased entries', () => {
  it('are said to be so, and may account for what they alone knew', async () => {
    const network = await wholeNetwork();
    const rename = async (name: string) =>
      succeeded(await network.call('PATCH', `/v1/vpcs/${network.vpcId}`, { name })).ledgerEntryId as string;
    const entryId = await rename('to be forgotten');
    const last = await rename('kept');
    await log.sequencer.tick();
    const reason = { scope: 'body', reason: 'a request to be forgotten' };
    succeeded(await network.call('POST', `/v1/ledger/entries/${entryId}/erasures`, reason));
    const report = await auditOf(network);
    expect(report).toMatchObject({ ok: true, erased: 1, differences: [], unexplainedErasures: [] });
    expect(report.breaks).toMatchObject([{ entryId: last, id: network.vpcId, erasureMayExplain: true }]);
    expect(report.steps.find(({ step }) => step === 'erasures')?.detail).toContain('commitments alone');
    // The last change of all, erased: the row may be what it left.
    succeeded(await network.call('POST', `/v1/ledger/entries/${last}/erasures`, reason));
    const after = await auditOf(network);
    expect(after).toMatchObject({ ok: true, erased: 2, breaks: [] });
    expect(after.differences).toMatchObject([{ kind: 'changed', id: network.vpcId, erasureMayExplain: true }]);
  });

  it('without an entry that says so are the work of somebody else', async () => {
    const network = await wholeNetwork();
    const { ledgerEntryId } = succeeded(await network.call('PATCH', `/v1/vpcs/${network.vpcId}`, { name: 'x' }));
    await log.sequencer.tick();
    await log.sql(`ALTER TABLE ledger_entry DISABLE TRIGGER ALL`);
    await log.sql('UPDATE ledger_entry SET body = NULL, body_hash = NULL, salt = NULL, erased_by = id WHERE id = $1', [
      ledgerEntryId,
    ]);
    await log.sql(`ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER refuse_rewrite`);
    const report = await auditOf(network);
    expect(report).toMatchObject({
      ok: false,
      failure: 'invalid',
      firstBad: { step: 'erasures', entryId: ledgerEntryId },
    });
  });
});
