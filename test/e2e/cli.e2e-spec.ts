import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newWireguardKey } from '../../apps/cli/src/commands/agent.js';
import { freehold } from '../../apps/cli/src/testing/recording-terminal.js';
import { startTestApi, type TestApi } from '../support/test-api.js';

let api: TestApi;
let folder: string;
beforeAll(async () => {
  api = await startTestApi();
  folder = mkdtempSync(join(tmpdir(), 'freehold-cli-'));
});
afterAll(async () => {
  await api?.close();
  rmSync(folder, { recursive: true, force: true });
});

const path = (name: string) => join(folder, name);
const operatorEnv = () => ({ FREEHOLD_CONFIG: path('operator.json') });
const acmeEnv = () => ({ FREEHOLD_CONFIG: path('acme.json') });

/** Runs a command that must succeed. @returns its reply */
async function reply(env: Record<string, string>, ...args: string[]) {
  const { code, out, err } = await freehold([...args, '-o', 'json'], { env });
  if (code !== 0) throw new Error(`freehold ${args.join(' ')} ended with ${code}: ${err}`);
  return JSON.parse(out);
}

const operator = (...args: string[]) => reply(operatorEnv(), ...args);
const acme = (...args: string[]) => reply(acmeEnv(), ...args);

let tenantId: string;

describe('signing in', () => {
  it('keeps a key that works, in a file of its owner alone', async () => {
    const { apiKey } = await operatorKey();
    const wrong = await freehold(['login', '--url', api.url, '--key', `${apiKey}x`], { env: operatorEnv() });
    expect(wrong).toMatchObject({ code: 4, out: '' });
    const login = await freehold(['login', '--url', api.url, '--key', '-', '--profile', 'cloud'], {
      env: operatorEnv(),
      stdin: `${apiKey}\n`,
    });
    expect(login).toMatchObject({ code: 0, out: expect.stringContaining(api.url) });
    expect(login.out + login.err).not.toContain(apiKey);
    expect(statSync(path('operator.json')).mode & 0o777).toBe(0o600);
    expect(await operator('profile', 'list')).toEqual([{ name: 'cloud', url: api.url, current: true }]);
  });
});

/** A further key of the operator: the first one is known to the test API alone. */
async function operatorKey(): Promise<{ apiKey: string }> {
  const { body } = await api.operator('GET', '/v1/users');
  const created = await api.operator('POST', '/v1/api-keys', { userId: body.items[0].id, name: 'command line' });
  if (created.status !== 201) throw new Error(JSON.stringify([body, created.body]));
  return { apiKey: created.body.apiKey };
}

describe('the operator', () => {
  it('creates a tenant whose keys never leave the file', async () => {
    const dry = await operator('tenant', 'create', '--name', 'Acme', '--keys', path('keys.json'), '--dry-run');
    expect(dry).toMatchObject({ name: 'Acme' });
    expect(() => statSync(path('keys.json'))).toThrow();
    const made = await operator('tenant', 'create', '--name', 'Acme', '--keys', path('keys.json'));
    tenantId = made.id;
    const keys = JSON.parse(readFileSync(path('keys.json'), 'utf8'));
    expect(keys).toMatchObject({ tenantId, name: 'Acme', rootPublicKey: made.rootPublicKey });
    expect(statSync(path('keys.json')).mode & 0o777).toBe(0o600);
    expect(JSON.stringify(made)).not.toContain(keys.viewKey);
    const login = ['login', '--url', api.url, '--key', made.ownerApiKey];
    expect((await freehold(login, { env: acmeEnv() })).code).toBe(0);
    expect(await acme('tenant', 'current')).toMatchObject({ id: tenantId });
  });

  it('is not left with a file of keys that no tenant has, and writes over none', async () => {
    const again = (file: string) =>
      freehold(['tenant', 'create', '--name', 'Acme', '--keys', path(file)], { env: operatorEnv() });
    expect(await again('other.json')).toMatchObject({ code: 5, out: '' });
    expect(() => statSync(path('other.json'))).toThrow();
    const before = readFileSync(path('keys.json'), 'utf8');
    expect(await again('keys.json')).toMatchObject({ code: 5, err: expect.stringContaining('not overwritten') });
    expect(readFileSync(path('keys.json'), 'utf8')).toBe(before);
  });

  it('sets quotas, makes pools, and registers this host with a key made here', async () => {
    expect(await operator('quota', 'set', tenantId, 'vpcs', '--allowed', '3')).toMatchObject({ allowed: 3 });
    const pool = ['--name', 'public', '--cidr-block', '198.51.100.0/24', '--purpose', 'public'];
    await operator('address-pool', 'create', ...pool);
    const file = path('wireguard.key');
    const init = ['agent', 'init', '--name', 'gw-1', '--endpoint', 'vpn.example.net:51820', '--key-file', file];
    const host = await operator(...init);
    expect(host).toMatchObject({ name: 'gw-1', wireguardPublicKey: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/) });
    const privateKey = readFileSync(file, 'utf8').trim();
    expect(Buffer.from(privateKey, 'base64')).toHaveLength(32);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.stringify(await operator('gateway-host', 'list'))).not.toContain(privateKey);
    expect(await freehold(init, { env: operatorEnv() })).toMatchObject({ code: 5, out: '' });
  });
});

describe('a tenant', () => {
  let vpcId: string;
  let subnetId: string;
  let entryId: string;

  it('builds a network with a gateway, an address, a route and a VPN link', async () => {
    const vpc = await acme('vpc', 'create', '--cidr-block', '10.20.0.0/16', '--name', 'main', '--tag', 'env=prod');
    vpcId = vpc.id;
    expect(vpc).toMatchObject({ tags: { env: 'prod' }, ledgerEntryId: expect.stringMatching(/^led-/) });
    const subnet = ['--vpc-id', vpcId, '--cidr-block', '10.20.1.0/24', '--zone', 'zone-1'];
    ({ id: subnetId, ledgerEntryId: entryId } = await acme('subnet', 'create', ...subnet));
    const igw = await acme('internet-gateway', 'create');
    await acme('internet-gateway', 'attach', igw.id, '--vpc-id', vpcId);
    const ip = await acme('elastic-ip', 'allocate');
    await acme('nat-gateway', 'create', '--subnet-id', subnetId, '--elastic-ip-id', ip.id);
    const table = await acme('route-table', 'create', '--vpc-id', vpcId);
    const route = ['--destination-cidr-block', '0.0.0.0/0', '--internet-gateway-id', igw.id];
    expect((await acme('route', 'add', table.id, ...route)).routes).toHaveLength(2);
    await acme('association', 'create', table.id, '--subnet-id', subnetId);

    const gateway = await acme('vpn-gateway', 'create', '--vpc-id', vpcId);
    const customer = await acme(
      'customer-gateway',
      'create',
      '--address',
      '203.0.113.7',
      '--wireguard-public-key',
      newWireguardKey().publicKey,
    );
    const ends = ['--vpn-gateway-id', gateway.id, '--customer-gateway-id', customer.id];
    const link = await acme('vpn-connection', 'create', ...ends, '--remote-prefix', '172.16.0.0/16');
    await acme('propagation', 'enable', table.id, '--vpn-gateway-id', gateway.id);
    expect((await acme('route-table', 'get', table.id)).routes).toContainEqual(
      expect.objectContaining({ destinationCidrBlock: '172.16.0.0/16' }),
    );
    const config = await freehold(['vpn-connection', 'config', link.id], { env: acmeEnv() });
    expect(config).toMatchObject({ code: 0, out: expect.stringContaining('[Interface]') });
  });

  it('sees its network as tables, and as documents', async () => {
    const table = await freehold(['vpc', 'list', '--tag', 'env:prod'], { env: acmeEnv() });
    expect(table.out).toMatch(/^ID .*CIDR BLOCK/);
    expect(table.out).toContain(vpcId);
    expect(await acme('vpc', 'list', '--tag', 'env:other')).toEqual([]);
    expect((await freehold(['subnet', 'get', subnetId, '-o', 'yaml'], { env: acmeEnv() })).out).toContain(
      'cidrBlock: 10.20.1.0/24',
    );
  });

  it('is told field, rule and fix, and what stands in the way', async () => {
    const overlap = ['subnet', 'create', '--vpc-id', vpcId, '--cidr-block', '10.20.1.0/25', '--zone', 'zone-1'];
    expect(await freehold(overlap, { env: acmeEnv() })).toMatchObject({
      code: 5,
      out: '',
      err: expect.stringMatching(/\/cidrBlock: .*\n {4}fix: /),
    });
    const removal = await freehold(['vpc', 'delete', vpcId, '--yes'], { env: acmeEnv() });
    expect(removal.code).toBe(5);
    expect(removal.err).toMatch(/1\. .*freehold /);
    expect(await freehold(['vpc', 'get', 'vpc-00000000000000000'], { env: acmeEnv() })).toMatchObject({ code: 1 });
    expect(await freehold(['tenant', 'list'], { env: acmeEnv() })).toMatchObject({ code: 4, out: '' });
  });

  it('plans without changing, and changes once under one key', async () => {
    const create = ['vpc', 'create', '--cidr-block', '10.30.0.0/16'];
    const before = await acme('vpc', 'list');
    await acme(...create, '--dry-run');
    expect(await acme('vpc', 'list')).toEqual(before);
    const first = await acme(...create, '--idempotency-key', 'only-once');
    expect(await acme(...create, '--idempotency-key', 'only-once')).toEqual(first);
    expect(await acme('vpc', 'list')).toHaveLength(before.length + 1);
    const late = ['vpc', 'update', first.id, '--name', 'x', '--if-match', '9'];
    expect(await freehold(late, { env: acmeEnv() })).toMatchObject({ code: 5 });
  });

  it('reads its ledger', async () => {
    expect(await acme('ledger', 'get', entryId)).toMatchObject({ action: 'subnet.created', state: 'recorded' });
    // No worker runs here: the entry is recorded, and not in the log yet.
    expect(await acme('ledger', 'list', '--resource-id', subnetId)).toEqual([]);
    const receipt = await freehold(['ledger', 'receipt', entryId], { env: acmeEnv() });
    expect(receipt).toMatchObject({ code: 5, err: expect.stringContaining('ReceiptNotReady') });
  });
});
