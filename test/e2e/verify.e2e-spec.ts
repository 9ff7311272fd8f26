import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freehold } from '../../apps/cli/src/testing/recording-terminal.js';
import { type ApiWithLog, startApiWithLog } from '../support/api-with-log.js';
import { RequestSigner } from '../support/request-signer.js';
import type { Caller } from '../support/test-api.js';

/** The command against the service: what it shows over the network, and the files that it hands out. */
let api: ApiWithLog;
let folder: string;
let acme: Awaited<ReturnType<ApiWithLog['tenant']>>;
let signed: Caller;

beforeAll(async () => {
  api = await startApiWithLog();
  folder = mkdtempSync(join(tmpdir(), 'freehold-verify-'));
  acme = await api.tenant();
  await api.operator('PUT', `/v1/system/tenants/${acme.id}/quotas/vpcs`, { allowed: 100 });
  const signer = new RequestSigner();
  await signer.enrol(acme.call, acme.rootKey);
  signed = signer.caller(api.url, acme.call);
});
afterAll(async () => {
  await api?.close();
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function change(caller: Caller): Promise<string> {
  const { status, body } = await caller('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' });
  expect(status).toBe(201);
  await tickAll();
  return body.ledgerEntryId;
}

async function tickAll(): Promise<void> {
  while ((await api.sequencer.tick()) > 0);
}

async function verify(...args: string[]) {
  const env = { FREEHOLD_CONFIG: join(folder, 'config', 'config.json') };
  const { code, out, err } = await freehold(['verify', ...args, '-o', 'json'], { env });
  expect(err).toBe('');
  return { code, report: JSON.parse(out) };
}

const trust = (...args: string[]) =>
  freehold(['trust', ...args, '-o', 'json'], { env: { FREEHOLD_CONFIG: join(folder, 'config', 'config.json') } });

it('follows a pinned log through its documents, its growth and a change of its key', async () => {
  await change(acme.call);
  const { vkey } = (await api.caller(null)('GET', '/v1/log')).body;
  expect((await trust('add', vkey)).code).toBe(0);
  expect(await verify('--log', api.url, '--full')).toMatchObject({ code: 0, report: { ok: true, pinned: true } });

  const id = await change(signed);
  const receipt = file('receipt.json', await api.bytes(`/v1/ledger/entries/${id}/receipt`, acme.apiKey));
  const root = file('root.key', acme.rootKey.publicKey);
  const proven = await verify(receipt, '--require-pinned', '--require-signed', '--root-key', root);
  expect(proven).toMatchObject({ code: 0, report: { ok: true, pinned: true } });

  expect((await api.operator('POST', '/v1/system/log/keys')).status).toBeLessThan(300);
  await tickAll();
  for (let at = 0; at < 5; at++) await change(signed);
  const live = await verify('--log', `${api.url}/v1/log`);
  expect(live).toMatchObject({ code: 0, report: { ok: true, failure: null } });
  expect(live.report.continues).toHaveLength(2);
  const keys = file('view.key', acme.viewKey.toString('base64'));
  const bundle = file('bundle.jsonl', await api.bytes('/v1/ledger/bundle', acme.apiKey));
  // Each VPC comes with its main route table, of the same request.
  const audited = await verify(bundle, '--view-key', keys, '--root-key', root);
  expect(audited).toMatchObject({ code: 0, report: { complete: true, signed: 12, pinned: true } });
  // The receipt is older than what was seen since, and from before the change of the key.
  expect(await verify(receipt)).toMatchObject({ code: 0, report: { ok: true, pinned: true } });
  const [{ seen }] = JSON.parse((await trust('list')).out);
  expect(seen.at(-1)).toBe(live.report.size);
});
