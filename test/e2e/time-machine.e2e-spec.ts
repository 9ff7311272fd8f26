import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freehold } from '../../apps/cli/src/testing/recording-terminal.js';
import { NetworkFixture, succeeded } from '../../libs/network/src/testing/network-fixture.js';
import { type ApiWithLog, startApiWithLog } from '../support/api-with-log.js';

/** What an auditor does: asks for the past, keeps the answer, and checks it later with nothing but the file. */

let api: ApiWithLog;
let fixture: NetworkFixture;
let tenant: Awaited<ReturnType<ApiWithLog['tenant']>>;
let folder: string;
let env: Record<string, string>;
let vpcId: string;
let routeTableId: string;
let routed: string;

beforeAll(async () => {
  api = await startApiWithLog();
  fixture = await NetworkFixture.on(api);
  folder = mkdtempSync(join(tmpdir(), 'freehold-past-'));
  tenant = await api.tenant();
  env = { FREEHOLD_CONFIG: join(folder, 'none.json'), FREEHOLD_URL: api.url, FREEHOLD_API_KEY: tenant.apiKey };
  const office = await fixture.office(tenant.call);
  ({ vpcId, mainRouteTableId: routeTableId } = office);
  const route = { destinationCidrBlock: '0.0.0.0/0', internetGatewayId: office.internetGatewayId };
  routed = succeeded(await tenant.call('POST', `/v1/route-tables/${routeTableId}/routes`, route)).ledgerEntryId;
  succeeded(await tenant.call('POST', `/v1/internet-gateways/${office.internetGatewayId}/detach`, { vpcId }));
  succeeded(await tenant.call('PATCH', `/v1/vpcs/${vpcId}`, { name: 'later' }));
  await api.sequencer.tick();
});
afterAll(async () => {
  await fixture?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function told(...args: string[]) {
  const { code, out, err } = await freehold([...args, '-o', 'json'], { env });
  if (code !== 0) throw new Error(`freehold ${args.join(' ')} ended with ${code}: ${err}`);
  return JSON.parse(out);
}

it('the command line asks for the past and searches what was done', async () => {
  const then = await told('vpc', 'get', vpcId, '--as-of', routed);
  expect(then).toMatchObject({ id: vpcId, name: null, history: { asOf: { requested: routed } } });
  expect(await told('vpc', 'get', vpcId)).toMatchObject({ id: vpcId, name: 'later', generation: expect.any(Number) });
  const address = ['--address', '192.0.2.1'];
  const packet = await told('route-table', 'effective-routes', routeTableId, '--as-of', routed, ...address);
  expect(packet.choice).toMatchObject({ outcome: 'forward', route: { destinationCidrBlock: '0.0.0.0/0' } });
  const now = await told('route-table', 'effective-routes', routeTableId, ...address);
  expect(now.choice).toMatchObject({ outcome: 'drop' });
  const entries = await told('ledger', 'entries', '--scope-id', vpcId, '--action', 'internet-gateway.*');
  expect(entries.map((entry: { action: string }) => entry.action)).toEqual([
    'internet-gateway.created',
    'internet-gateway.detached',
  ]);
  expect(await told('log', 'statistics', '--hours', '1')).toMatchObject({ hours: [{ size: expect.any(Number) }] });
});

it('an answer that was kept verifies offline, and a changed one does not', async () => {
  const file = join(folder, 'then.json');
  const answer = await told('vpc', 'topology', vpcId, '--as-of', routed, '--receipts', 'true');
  writeFileSync(file, JSON.stringify(answer));
  const { vkey } = (await api.caller(null)('GET', '/v1/log')).body;
  const nowhere = { FREEHOLD_CONFIG: join(folder, 'none.json'), FREEHOLD_URL: 'http://127.0.0.1:9' };
  const good = await freehold(['verify', file, '--vkey', vkey, '--require-pinned'], { env: nowhere });
  expect(good).toMatchObject({ code: 0 });
  expect(good.out).toContain(`the state of ${vpcId}`);
  answer.routeTables[0].effectiveRoutes.at(-1).target.id = 'igw-00000000000000000';
  writeFileSync(file, JSON.stringify(answer));
  const forged = await freehold(['verify', file, '--vkey', vkey], { env: nowhere });
  expect(forged).toMatchObject({ code: 6 });
  expect(forged.out).toContain('from the entries follows');
});
