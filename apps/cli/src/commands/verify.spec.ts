import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileOf, joined, SampleLog } from '../../../../libs/proof/src/testing/sample-log.js';
import { freehold } from '../testing/recording-terminal.js';

const log = new SampleLog();
for (let at = 0; at < 30; at++) log.append(log.tenants[at % 3 === 0 ? 1 : 0]!);
const acme = log.tenants[0]!;
const own = log.entries.findIndex((entry, index) => index > 9 && entry.tenant === acme);

let folder: string;
let receipt: string;
let bundle: string;
let viewKey: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'freehold-verify-'));
  receipt = file('receipt.json', fileOf(await log.receipt(own)));
  bundle = file('bundle.jsonl', joined(await log.bundle(acme)));
  viewKey = file('view-key', Buffer.from(log.viewKeys[0]!).toString('base64'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** With no API to ask, and a configuration of its own. */
const verify = (...args: string[]) =>
  freehold(['verify', ...args], { env: { FREEHOLD_CONFIG: join(folder, 'none', 'config.json') } });

describe('a receipt', () => {
  it('that holds ends with 0, each step with its mark', async () => {
    const { code, out, err } = await verify(receipt, '--vkey', log.vkey);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.match(/^✓ /gm)).toHaveLength(6);
    expect(out).toContain(`entry number ${log.entries[own]!.tenantSeq} of ${acme}`);
    expect(out).toContain('\nVERIFIED\n');
    expect(out).toContain('adds no independent trust');
  });

  it('whose log nobody pinned says so', async () => {
    const { code, out } = await verify(receipt);
    expect(code).toBe(0);
    expect(out).toMatch(/^· log-key/m);
    expect(out).toContain('--vkey');
  });

  it('of which one byte was changed ends with 6 and names the entry and its index', async () => {
    const document = await log.receipt(own);
    const body = Buffer.from(document.body, 'base64');
    body[body.indexOf('10.0.') + 3]! ^= 1;
    const forged = file('forged.json', fileOf({ ...document, body: body.toString('base64') }));
    const { code, out } = await verify(forged);
    expect(code).toBe(6);
    expect(out).toMatch(/^✗ entry /m);
    expect(out).toContain(`NOT VERIFIED: entry ${log.entries[own]!.id} at index ${own}`);
    const json = await verify(forged, '-o', 'json');
    expect(json.code).toBe(6);
    expect(JSON.parse(json.out)).toMatchObject({ ok: false, firstBad: { entryId: log.entries[own]!.id, index: own } });
  });

  it.each([
    ['nothing', ''],
    ['no JSON', 'receipt'],
    ['another document', '{"v":1}'],
  ])('that is %s ends with 6', async (_what, content) => {
    expect(await verify(file('other.json', content))).toMatchObject({
      code: 6,
      out: expect.stringContaining('✗ format'),
    });
  });

  it('of another log than the pinned one, or of a tenant with another view key, ends with 6', async () => {
    const other = new SampleLog('freehold/other');
    expect((await verify(receipt, '--vkey', other.vkey)).code).toBe(6);
    expect((await verify(receipt, '--vkey', file('vkey', `${log.vkey}\n`), '--view-key', viewKey)).code).toBe(0);
    const wrong = file('wrong-key', Buffer.from(log.viewKeys[1]!).toString('base64'));
    expect((await verify(receipt, '--view-key', wrong)).code).toBe(6);
  });

  it('without an anchor is said to be pending, and fails where one is required', async () => {
    const pending = file('pending.json', fileOf({ ...(await log.receipt(own)), anchor: null }));
    expect(await verify(pending)).toMatchObject({ code: 0, out: expect.stringContaining('· anchor') });
    expect((await verify(pending, '--require-anchor')).code).toBe(9);
  });

  it.each([[[]], [['a', 'b']], [['missing.json']], [['x', '--bundle', 'y']], [['--bundle', 'missing']]])(
    'asked for by %j is refused as usage',
    async (args) =>
      expect(await verify(...args)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/^error/) }),
  );

  it('is not verified against a key that is none', async () => {
    const noKey = file('no-key', 'AAAA');
    expect(await verify(receipt, '--view-key', noKey)).toMatchObject({ code: 2 });
  });
});

describe('a bundle', () => {
  it('that holds ends with 0, and is complete with the view key', async () => {
    const blind = await verify('--bundle', bundle);
    expect(blind).toMatchObject({ code: 0, out: expect.stringMatching(/^· completeness/m) });
    const seeing = await verify('--bundle', bundle, '--vkey', log.vkey, '--view-key', viewKey);
    expect(seeing).toMatchObject({ code: 0, out: expect.stringContaining(`of ${acme}, and the list is complete`) });
  });

  it('of which one byte was changed ends with 6 and names the entry and its index', async () => {
    const bytes = Buffer.from(joined(await log.bundle(acme)));
    const place = bytes.indexOf(`"id":"${log.entries[own]!.id}"`);
    const at = bytes.lastIndexOf('"body":"', place) + 40;
    bytes[at] = bytes[at] === 0x41 ? 0x42 : 0x41;
    const forged = file('forged.jsonl', bytes);
    const { code, out } = await verify('--bundle', forged, '-o', 'json');
    expect(code).toBe(6);
    expect(JSON.parse(out).firstBad).toMatchObject({ step: 'leaf', entryId: log.entries[own]!.id, index: own });
  });

  it('that leaves an entry out is found out with the view key alone', async () => {
    const hidden = file(
      'hidden.jsonl',
      joined(await log.bundle(acme, { hide: [log.entries.findLastIndex((e) => e.tenant === acme)] })),
    );
    expect((await verify('--bundle', hidden)).code).toBe(0);
    expect(await verify('--bundle', hidden, '--view-key', viewKey)).toMatchObject({
      code: 6,
      out: expect.stringContaining('leaves it out'),
    });
  });

  it('must continue the checkpoints that were kept', async () => {
    const kept = file('kept', await log.checkpoint(11));
    expect((await verify('--bundle', bundle, '--checkpoint', kept)).code).toBe(0);
    const other = new SampleLog();
    for (let at = 0; at < 20; at++) other.append(other.tenants[1]!);
    const fork = file('fork', await other.checkpoint(15));
    expect((await verify('--bundle', bundle, '--checkpoint', fork)).code).toBe(10);
  });

  it('is audited from the file, for its own tenant alone', async () => {
    const audit = (tenant: string, ...args: string[]) =>
      freehold(['audit', '--tenant', tenant, '--view-key', viewKey, '--bundle', bundle, ...args], {
        env: { FREEHOLD_CONFIG: join(folder, 'none', 'config.json') },
      });
    expect(await audit(acme)).toMatchObject({ code: 0, out: expect.stringContaining('the list is complete') });
    expect(await audit(acme, '--root-key', file('root', log.rootPublicKey))).toMatchObject({ code: 0 });
    const other = file('other-root', Buffer.alloc(32, 1).toString('base64'));
    expect(await audit(acme, '--root-key', other)).toMatchObject({ code: 6, out: expect.stringContaining('root key') });
    expect(await audit(log.tenants[1]!)).toMatchObject({ code: 2, out: '' });
  });
});
