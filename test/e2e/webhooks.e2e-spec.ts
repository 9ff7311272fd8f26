import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '#embedded';
import { migrateQueue } from '#queue';
import { type ChainFixture, startChainFixture } from '../support/chain-fixture.js';
import { DnsServer } from '../support/dns-server.js';
import { RECEIVER_CERTIFICATE, RECEIVER_KEY, RECEIVER_NAME } from '../support/receiver-certificate.js';
import { startTestApi, type TestApi } from '../support/test-api.js';
import { until } from '../support/until.js';
import { WebhookReceiver } from '../support/webhook-receiver.js';

const DEADLINE_MS = 60_000;
/** Where the receiver is: the operator allows this one address, and not the one of the database. */
const ALLOWED = '127.0.0.2';

let folder: string;
let dns: DnsServer;
let api: TestApi;
let chain: ChainFixture;
let admin: pg.Pool;
let hook: WebhookReceiver;
let acme: Awaited<ReturnType<TestApi['tenant']>>;
const workers = new Set<ChildProcess>();
let output = '';
/** Every secret that was shown in this file: none of them may be anywhere but in the replies. */
const secrets: string[] = [];

const settings = () => ({
  FREEHOLD_EGRESS_ALLOW: `${ALLOWED}/32`,
  FREEHOLD_EGRESS_DNS: dns.address,
  FREEHOLD_WEBHOOK_TIMEOUT_MS: '2000',
  FREEHOLD_WEBHOOK_RETRY_MS: '50',
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'freehold-webhooks-'));
  writeFileSync(join(folder, 'authority.pem'), RECEIVER_CERTIFICATE);
  dns = await DnsServer.start();
  dns.set(RECEIVER_NAME, ALLOWED);
  [api, chain, hook] = await Promise.all([
    startTestApi(settings()),
    startChainFixture(),
    WebhookReceiver.start({ tls: { cert: RECEIVER_CERTIFICATE, key: RECEIVER_KEY }, host: ALLOWED }),
  ]);
  await migrateQueue(api.database.urls.freehold_owner);
  admin = new pg.Pool({ connectionString: api.database.adminUrl, max: 2 });
  acme = await api.tenant();
});
afterAll(async () => {
  for (const worker of workers) await end(worker, 'SIGKILL');
  await hook?.stop();
  await admin?.end();
  await api?.close();
  await chain?.stop();
  dns?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The real process, from the build. */
async function startWorker(): Promise<ChildProcess> {
  const port = await freePort();
  const child = spawn(process.execPath, ['dist/apps/worker/src/main.js'], {
    env: {
      PATH: process.env.PATH,
      NODE_EXTRA_CA_CERTS: join(folder, 'authority.pem'),
      FREEHOLD_DATA_DIR: api.settings.dataDir,
      FREEHOLD_WORKER_PORT: `${port}`,
      FREEHOLD_LOG_LEVEL: 'trace',
      DATABASE_SYSTEM_URL: api.database.urls.freehold_system,
      CHAIN_URL: chain.chain.url,
      FREEHOLD_CHAIN_FINALITY: 'dev',
      ...settings(),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  workers.add(child);
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
  }
  const ready = async () =>
    (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null))?.status === 200 || child.exitCode !== null;
  await until('the worker is ready', ready, DEADLINE_MS);
  return child;
}

async function end(worker: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  workers.delete(worker);
  const exited = once(worker, 'exit');
  worker.kill(signal);
  await exited;
}

async function webhook(url: string): Promise<{ id: string; secret: string }> {
  const reply = await acme.call('POST', '/v1/webhooks', { url });
  if (reply.status !== 201) throw new Error(JSON.stringify(reply.body));
  secrets.push(reply.body.secret);
  return { id: reply.body.id, secret: reply.body.secret };
}

async function entry(): Promise<string> {
  const reply = await acme.call('POST', '/v1/users', { name: `user ${Math.random()}`, roles: ['viewer'] });
  return reply.body.ledgerEntryId;
}

const deliveries = async (id: string) => (await acme.call('GET', `/v1/webhooks/${id}/deliveries`)).body.items;

describe('the worker process', () => {
  let worker: ChildProcess;
  let id: string;
  let secret: string;

  it('delivers over TLS to the name that was given, verified', async () => {
    worker = await startWorker();
    ({ id, secret } = await webhook(hook.url(RECEIVER_NAME)));
    const made = await entry();
    await until('it is told of', () => hook.received.some(({ message }) => message.data.id === made), DEADLINE_MS);
    const got = hook.received.at(-1)!;
    expect(hook.isSigned(got, secret)).toBe(true);
    expect([got.serverName, got.headers.host]).toEqual([RECEIVER_NAME, `${RECEIVER_NAME}:${hook.port}`]);
  });

  it('does not deliver to who has no certificate for the name', async () => {
    dns.set('other.example', ALLOWED);
    const impostor = await webhook(hook.url('other.example'));
    const before = hook.received.length;
    await until('it fails', async () => (await deliveries(impostor.id))[0]?.failure === 'tls', DEADLINE_MS);
    expect(hook.received.slice(before).filter((got) => got.id.startsWith(impostor.id))).toEqual([]);
    await acme.call('DELETE', `/v1/webhooks/${impostor.id}`);
  });

  it('does not follow a name that turns to where the database is, and goes on when it turns back', async () => {
    dns.set(RECEIVER_NAME, '127.0.0.1');
    const made = await entry();
    const refused = async () => (await deliveries(id))[0]?.failure === 'refused';
    await until('it is refused', refused, DEADLINE_MS);
    expect(hook.received.some(({ message }) => message.data.id === made)).toBe(false);
    const again = await acme.call('POST', '/v1/webhooks', { url: hook.url(RECEIVER_NAME) });
    expect([again.status, again.body.code]).toEqual([400, 'EgressRefused']);
    dns.set(RECEIVER_NAME, ALLOWED);
    await until('it is told of', () => hook.received.some(({ message }) => message.data.id === made), DEADLINE_MS);
  });

  it('killed between a delivery and its record sends it again under the same id, and loses nothing', async () => {
    const held: ServerResponse[] = [];
    hook.answer = (_got, response) => void held.push(response);
    const first = await entry();
    await until('a delivery is under way', () => held.length === 1, DEADLINE_MS);
    const got = hook.received.at(-1)!;
    expect(got.message.data.id).toBe(first);
    await end(worker, 'SIGKILL');
    hook.answer = 204;
    hook.received.splice(0);
    const more = [await entry(), await entry()];
    await startWorker();
    await until('all is told of', () => hook.received.some(({ message }) => message.data.id === more[1]), DEADLINE_MS);
    expect(hook.ids[0]).toBe(got.id);
    expect(hook.received.map(({ message }) => message.data.id)).toEqual([first, ...more]);
  });

  it('leaves its secrets nowhere: no log, no job, no row, no entry', async () => {
    const rotated = await acme.call('POST', `/v1/webhooks/${id}/rotate-secret`, {});
    secrets.push(rotated.body.secret);
    const seen = hook.received.length;
    await entry();
    await until('it was signed with both', () => hook.received.length > seen, DEADLINE_MS);
    for (const worker of [...workers]) await end(worker, 'SIGTERM');
    const places = [output, await everyRow()];
    expect(output).toContain('"process":"worker"');
    expect(places[1]).toContain(id);
    for (const shown of secrets) {
      const base64 = shown.slice('whsec_'.length);
      const bytes = Buffer.from(base64, 'base64');
      const spellings = [
        base64,
        bytes.toString('hex'),
        Buffer.from(shown).toString('hex'),
        bytes.toString('base64url'),
      ];
      for (const place of places) for (const spelling of spellings) expect(place.includes(spelling)).toBe(false);
    }
  });
});

/** Every row of every table, the queue's too, as text; bytes are hexadecimal in it. */
async function everyRow(): Promise<string> {
  const { rows: tables } = await admin.query<{ name: string }>(
    `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
      WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const { rows } = await admin.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
    texts.push(...rows.map(({ row }) => row));
  }
  return texts.join('\n');
}
