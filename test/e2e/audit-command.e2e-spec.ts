import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freehold } from '../../apps/cli/src/testing/recording-terminal.js';
import { type ApiWithLog, startApiWithLog } from '../support/api-with-log.js';

let api: ApiWithLog;
let folder: string;
let acme: Awaited<ReturnType<ApiWithLog['tenant']>>;
let vpcId: string;
let entryId: string;
let log: string;

beforeAll(async () => {
  api = await startApiWithLog();
  folder = mkdtempSync(join(tmpdir(), 'freehold-audit-'));
  acme = await api.tenant();
  ({ id: vpcId, ledgerEntryId: entryId } = (await acme.call('POST', '/v1/vpcs', { cidrBlock: '10.0.0.0/16' })).body);
  await api.sequencer.tick();
  log = (await api.caller(null)('GET', '/v1/log')).body.vkey;
  writeFileSync(path('view-key'), acme.viewKey.toString('base64'));
});
afterAll(async () => {
  await api?.close();
  rmSync(folder, { recursive: true, force: true });
});

const path = (name: string) => join(folder, name);
const env = () => ({ FREEHOLD_CONFIG: path('config.json'), FREEHOLD_URL: api.url, FREEHOLD_API_KEY: acme.apiKey });
const run = (...args: string[]) => freehold(args, { env: env() });
const audit = (...args: string[]) =>
  run('audit', '--tenant', acme.id, '--view-key', path('view-key'), '--vkey', log, ...args);

describe('freehold audit', () => {
  it('asks the API for the state and the bundle, and ends with 0 when they tell one story', async () => {
    const { code, out } = await audit();
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('and the list is complete') });
    expect(out).toMatch(/^✓ replay .* lead from one state to the next/m);
    expect(out).toMatch(/^✓ state .* resources of the database compared.*: 0 differ/m);
    const report = JSON.parse((await audit('-o', 'json')).out);
    expect(report).toMatchObject({ ok: true, differences: [], breaks: [], complete: true });
    expect(report.compared).toBe(report.resources);
  });

  it('waits for what is committed and not in the log yet, and replays exactly to the state', async () => {
    await acme.call('PATCH', `/v1/vpcs/${vpcId}`, { name: 'young' });
    const waiting = audit('-o', 'json');
    await api.sequencer.tick();
    expect(JSON.parse((await waiting).out)).toMatchObject({ ok: true, differences: [] });
    await acme.call('PATCH', `/v1/vpcs/${vpcId}`, { name: 'younger' });
    expect(await audit('--timeout', '0')).toMatchObject({ code: 1, err: expect.stringContaining('try again') });
    await api.sequencer.tick();
  });

  it('ends with 6 and names resource, member and entry when a superuser changed a row; offline as well', async () => {
    await api.sql(`UPDATE vpc SET name = 'forged' WHERE id = $1`, [vpcId]);
    const { code, out } = await audit();
    expect(code).toBe(6);
    expect(out).toMatch(new RegExp(`^✗ state +vpc ${vpcId} is changed at /name; its last entry is led-`, 'm'));
    expect(out).toContain('NOT VERIFIED: entry led-');
    expect((await run('ledger', 'state', '-f', path('state.jsonl'))).code).toBe(0);
    expect((await run('ledger', 'bundle', '-f', path('bundle.jsonl'))).code).toBe(0);
    const offline = (...args: string[]) =>
      freehold(
        ['audit', '--tenant', acme.id, '--view-key', path('view-key'), '--bundle', path('bundle.jsonl'), ...args],
        {
          env: { FREEHOLD_CONFIG: path('none.json') },
        },
      );
    const report = JSON.parse((await offline('--state', path('state.jsonl'), '-o', 'json')).out);
    expect(report).toMatchObject({
      ok: false,
      failure: 'invalid',
      differences: [
        { kind: 'changed', id: vpcId, fields: [{ pointer: '/name', expected: 'younger', actual: 'forged' }] },
      ],
    });
    expect((await offline()).code).toBe(0);
    await api.sql(`UPDATE vpc SET name = 'younger' WHERE id = $1`, [vpcId]);
    expect((await audit()).code).toBe(0);
  });

  it('refuses a state that was cut off, that of another tenant, and a bundle that is older than the state', async () => {
    await acme.call('PATCH', `/v1/vpcs/${vpcId}`, { name: 'newer' });
    expect((await run('ledger', 'bundle', '-f', path('older.jsonl'))).code).toBe(0);
    expect((await run('ledger', 'state', '-f', path('state.jsonl'))).code).toBe(0);
    const files = ['--bundle', path('older.jsonl'), '--state', path('state.jsonl')];
    expect(await audit(...files)).toMatchObject({ code: 6, out: expect.stringContaining('take a newer one') });
    const lines = readFileSync(path('state.jsonl'), 'utf8').split('\n');
    writeFileSync(path('cut.jsonl'), `${lines.slice(0, -3).join('\n')}\n`);
    await api.sequencer.tick();
    expect((await run('ledger', 'bundle', '-f', path('newer.jsonl'))).code).toBe(0);
    const cut = await audit('--bundle', path('newer.jsonl'), '--state', path('cut.jsonl'));
    expect(cut.code).not.toBe(0);
    expect(cut.err).toContain('cut off');
    const other = await api.tenant();
    writeFileSync(path('foreign.jsonl'), await api.bytes('/v1/ledger/state', other.apiKey));
    expect(await audit('--bundle', path('newer.jsonl'), '--state', path('foreign.jsonl'))).toMatchObject({ code: 2 });
  });

  it('opens, discloses and erases from the command line', async () => {
    const file = path('disclosure.json');
    const disclosed = await run('ledger', 'disclose', entryId, '--recipient', 'the auditors', '-f', file);
    expect(disclosed).toMatchObject({ code: 0, err: expect.stringContaining('1 entries for the auditors') });
    expect(await run('verify', file, '--vkey', log)).toMatchObject({ code: 0 });
    const reason = 'nobody should know of it';
    const erased = await run('ledger', 'erase', entryId, '--scope', 'body', '--reason', reason, '--yes');
    expect(erased).toMatchObject({ code: 0 });
    await api.sequencer.tick();
    const { code, out } = await audit();
    expect(code).toBe(0);
    expect(out).toMatch(/^· erasures .*commitments alone/m);
  });
});
