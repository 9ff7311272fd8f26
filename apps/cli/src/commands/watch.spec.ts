import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COSIGNATURE_V1, cosignatureLine, formatVkey, noteKey, parseNote } from '#merkle';
import { encodeBody, nodeCrypto, signPromise, verifyBrokenPromise, verifyEquivocation, witnessPolicy } from '#proof';
import { RotatingLog } from '../../../../libs/proof/src/testing/rotating-log.js';
import { derived, SampleLog, signingKey } from '../../../../libs/proof/src/testing/sample-log.js';
import { HostileLog } from '../testing/hostile-log.js';
import { freehold } from '../testing/recording-terminal.js';
import { PromiseStore } from '../watch/promise-store.js';
import { Witness } from '../witness/witness.js';
import { WitnessFolder } from '../witness/witness-folder.js';
import { serveWitness, type WitnessServer } from '../witness/witness-server.js';

const NOW = Math.floor(Date.now() / 1000);
const PAST = NOW - 3600;
const FUTURE = NOW + 3600;

function sampleLog(entries: number, otherFrom = entries): SampleLog {
  const log = new SampleLog();
  for (let at = 0; at < entries; at++) log.append(log.tenants[at < otherFrom ? at % 2 : 0]!);
  return log;
}

let home: string;
let api: HostileLog;
let log: SampleLog;
const open: WitnessServer[] = [];
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'freehold-watch-'));
  log = sampleLog(30);
  api = await HostileLog.start(log);
});
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
  await api.stop();
  rmSync(home, { recursive: true, force: true });
});

const own = (at: number) => log.entries.filter(({ tenant }) => tenant === log.tenants[0])[at]!;
const evidence = () => join(home, 'evidence');
const readEvidence = (name: string) => readFileSync(join(evidence(), name));

function keep(
  entryId: string,
  body: Uint8Array,
  deadline: number,
  at = new Date(PAST * 1000),
  apiKeyId: string | null = null,
): void {
  const promise = api.promise(entryId, body, deadline);
  new PromiseStore(join(home, 'config/promises')).keep({ promise }, { url: api.url, apiKeyId }, at);
}

/** One look; its findings by kind. */
async function look(...args: string[]) {
  const env = { FREEHOLD_URL: api.url, FREEHOLD_API_KEY: 'fh_key', FREEHOLD_CONFIG: join(home, 'config/config.json') };
  const all = ['watch', '--once', '-o', 'json', '--evidence', evidence(), '--silence', '0', ...args];
  const { code, out, err } = await freehold(all, { env });
  const findings = out
    .split('\n')
    .filter(Boolean)
    .map(
      (line) => JSON.parse(line) as { kind: string; alarm: boolean; detail: string; entryId?: string; file?: string },
    );
  return { code, err, findings, kinds: findings.map(({ kind }) => kind) };
}

/** Witnesses with a fixed clock, as lines under the checkpoint. */
function cosigners(time: number) {
  const parties = ['a', 'b'].map((name) => {
    const pair = signingKey(derived(`witness ${name}`));
    return { pair, key: noteKey(nodeCrypto.sha256, `witness.example/${name}`, pair.publicKey, COSIGNATURE_V1) };
  });
  const vkeys = parties.map(({ key }) => formatVkey(key));
  const cosign = (note: string) =>
    note + parties.map(({ key, pair }) => cosignatureLine(key, pair.sign, parseNote(note).text, time)).join('');
  return { vkeys, cosign, policy: witnessPolicy(nodeCrypto, vkeys, 2) };
}

async function realWitness(name: string) {
  const folder = await WitnessFolder.init(join(home, name), `witness.example/${name}`);
  await folder.addLog([log.vkey]);
  const witness = await Witness.open(folder);
  const server = await serveWitness(witness, { port: 0, host: '127.0.0.1', failed: (error) => console.error(error) });
  open.push(server);
  const cosignNow = async (note: string) => {
    const body = `old 0\n\n${note}`;
    expect((await witness.addCheckpoint(body)).status).toBe(200);
  };
  return { vkey: folder.vkey, address: `${folder.vkey} ${server.url}`, cosignNow };
}

describe('promises', () => {
  it('that are kept are noted, with the receipt stored, once', async () => {
    keep(own(3).id, own(3).body, FUTURE);
    const first = await look('--vkey', log.vkey);
    expect(first).toMatchObject({ code: 0, kinds: ['grew', 'kept'] });
    const { file } = first.findings[1]!;
    expect(JSON.parse(readFileSync(file!, 'utf8')).entryId).toBe(own(3).id);
    expect(statSync(file!).mode & 0o077).toBe(0);
    expect(await look()).toMatchObject({ code: 0, kinds: [] });
  });

  it('that were given to another API key are left to it: that this one gets no receipt says nothing', async () => {
    const unreadable = log.body(log.tenants[1]!, 999);
    keep(unreadable.id, encodeBody(unreadable), PAST, undefined, 'key-0123456789abcdef0');
    const { code, findings } = await look();
    expect(code).toBe(0);
    expect(findings[1]).toMatchObject({ kind: 'not-asked', entryId: unreadable.id, alarm: false });
    expect(findings[1]!.detail).toContain('key-0123456789abcdef0');
    expect(existsSync(evidence())).toBe(false);
  });

  it('of entries that were erased since are no longer due, when the log shows the entry that says so', async () => {
    const gone = own(3);
    keep(gone.id, gone.body, PAST);
    api.hidden.add(gone.id);
    const says = (erasedBy: string) =>
      api.said.set(`/v1/ledger/entries/${gone.id}`, { status: 200, body: JSON.stringify({ erasedBy }) });
    says(own(5).id);
    expect((await look()).kinds).toContain('broken');
    const body = log.body(log.tenants[0]!, log.size);
    const resource = { id: gone.id, type: 'ledger-entry', version: null };
    log.appendBody({ ...body, action: 'ledger-entry.erased', resource });
    api.size = log.size;
    says(body.id);
    const { code, findings } = await look();
    expect(code).toBe(0);
    expect(findings.at(-1)).toMatchObject({ kind: 'erased', entryId: gone.id, alarm: false });
    expect(await look()).toMatchObject({ code: 0, kinds: [] });
  });

  it('by a key that the log changed to are known, also when the log has grown since its keys were asked for', async () => {
    const rotating = new RotatingLog();
    for (let at = 0; at < 10; at++) rotating.append(rotating.tenants[0]!);
    rotating.rotate();
    api.log = rotating;
    api.size = rotating.size;
    const body = rotating.body(rotating.tenants[0]!, 999);
    const { key, signer } = rotating.rotatedKeys[1]!;
    const bodyHash = nodeCrypto.sha256(encodeBody(body));
    const given = { origin: rotating.origin, tenant: body.tenant, entryId: body.id, bodyHash, deadline: FUTURE };
    const promise = signPromise(key, signer.sign, given);
    new PromiseStore(join(home, 'config/promises')).keep({ promise }, { url: api.url, apiKeyId: null });
    expect((await look()).kinds).toContain('pending');
    for (let times = 0; times < 3; times++) {
      rotating.append(rotating.tenants[1]!);
      api.size = rotating.size;
      expect(await look()).toMatchObject({ code: 0, kinds: ['grew', 'pending'] });
    }
  });

  it("of every entry of a reply are kept; those of a new tenant are its owner's", () => {
    const [first, second] = [1, 2].map((at) => api.promise(own(at).id, own(at).body, FUTURE));
    const store = new PromiseStore(join(home, 'config/promises'));
    const ledgerEntries = [{ promise: first }, { promise: second }, null, {}];
    store.keep({ promise: first, ledgerEntries }, { url: api.url, apiKeyId: 'key-a' });
    expect(store.of(log.origin).map(({ promise, apiKeyId }) => [promise, apiKeyId])).toEqual([
      [first, 'key-a'],
      [second, 'key-a'],
    ]);
    store.keep({ promise: first, ledgerEntries, ownerApiKeyId: 'key-owner' }, { url: api.url, apiKeyId: 'key-b' });
    expect(store.of(log.origin).map(({ apiKeyId }) => apiKeyId)).toEqual(['key-b', 'key-owner']);
  });

  it('that are not due are pending', async () => {
    api.size = 5;
    keep(own(9).id, own(9).body, FUTURE);
    expect(await look()).toMatchObject({ code: 0, kinds: ['grew', 'pending'] });
    api.size = 30;
    expect(await look()).toMatchObject({ code: 0, kinds: ['grew', 'kept'] });
  });

  it('whose receipt is had only after the deadline are kept when a witness had seen it in time, or nobody says otherwise', async () => {
    keep(own(3).id, own(3).body, PAST);
    const { findings } = await look();
    expect(findings[1]).toMatchObject({ kind: 'kept', detail: expect.stringContaining('nobody shows') });
  });

  it('that are broken become evidence: the promise, a later head, and the complete list without the entry', async () => {
    const { vkeys, cosign, policy } = cosigners(PAST + 1);
    api.cosign = cosign;
    const missing = { id: log.body(log.tenants[0]!, 999).id, body: encodeBody(log.body(log.tenants[0]!, 999)) };
    keep(missing.id, missing.body, PAST);
    const viewKey = join(home, 'view-key');
    writeFileSync(viewKey, Buffer.from(log.viewKeys[0]!).toString('base64'));
    const { code, findings } = await look('--vkey', log.vkey, '--witness', ...vkeys, '--view-key', viewKey);
    expect(code).toBe(6);
    expect(findings[1]).toMatchObject({ kind: 'broken', entryId: missing.id, alarm: true });
    expect(findings[1]!.detail).toContain('was not in the log after that');
    const report = await verifyBrokenPromise(readEvidence(`broken-promise-${missing.id}.json`), {
      crypto: nodeCrypto,
      log: log.vkey,
      witnesses: policy,
      viewKey: log.viewKeys[0]!,
      bundle: [readEvidence(`broken-promise-${missing.id}.bundle.jsonl`)],
    });
    expect(report).toMatchObject({ ok: true, broken: true });
    const file = join(evidence(), `broken-promise-${missing.id}.json`);
    const verified = await freehold(['verify', file, '--vkey', log.vkey, '--witness', ...vkeys, '--view-key', viewKey]);
    expect(verified).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^PROVEN: .* was not in the log after that$/m),
    });
    const unproven = await freehold(['verify', file, '--vkey', log.vkey, '--witness', ...vkeys]);
    expect(unproven).toMatchObject({ code: 12, out: expect.stringContaining('NOT PROVEN, though nothing is false') });
    expect((await freehold(['verify', file, '--vkey', new SampleLog('freehold/other').vkey])).code).toBe(6);
    expect(await look('--witness', ...vkeys)).toMatchObject({ code: 0, kinds: [] });
  });

  it('of a log that has stopped are shown to be broken by witnesses that are asked', async () => {
    const witness = await realWitness('w1');
    api.size = 10;
    await witness.cosignNow(await log.checkpoint(10));
    const late = log.entries.find(({ tenant }, index) => index >= 12 && tenant === log.tenants[0])!;
    keep(late.id, late.body, PAST);
    const unproven = await look('--witness', witness.address);
    expect(unproven).toMatchObject({ code: 6, kinds: ['grew', 'broken'] });
    expect(unproven.findings[1]!.detail).toContain('that the entry is not in that head is not shown');
    // Later the entry comes: behind the head that the witness signed after the deadline.
    api.size = 30;
    const state = join(home, 'config/watch', readdirSync(join(home, 'config/watch'))[0]!, 'state.json');
    writeFileSync(state, readFileSync(state, 'utf8').replace(/"triedAt":"[^"]*"/, '"triedAt":null'));
    const proven = await look('--witness', witness.address);
    expect(proven).toMatchObject({ code: 6, kinds: ['grew', 'broken'] });
    expect(proven.findings[1]!.detail).toMatch(/came later: at index \d+$/);
    const report = await verifyBrokenPromise(readEvidence(`broken-promise-${late.id}.json`), {
      crypto: nodeCrypto,
      log: log.vkey,
      witnesses: witnessPolicy(nodeCrypto, [witness.vkey], 1),
    });
    expect(report).toMatchObject({ broken: true, witnesses: 1 });
  });

  it('for another body than the log has are broken at once', async () => {
    keep(own(3).id, encodeBody(log.body(log.tenants[0]!, 999)), FUTURE);
    const { code, findings } = await look();
    expect(code).toBe(6);
    expect(findings[1]).toMatchObject({ kind: 'broken', detail: expect.stringContaining('with another') });
  });

  it('that no key of the log has signed are told apart', async () => {
    const other = new SampleLog('freehold/other');
    const strange = await HostileLog.start(other);
    const file = join(home, 'promise');
    writeFileSync(file, strange.promise(own(3).id, own(3).body, FUTURE));
    await strange.stop();
    expect(await look('--promises', file)).toMatchObject({ code: 6, kinds: ['grew', 'not-a-promise'] });
  });

  it('are not settled by a receipt that does not hold', async () => {
    keep(own(3).id, own(3).body, FUTURE);
    const receipt = { ...(await log.receipt(5)), entryId: own(3).id };
    api.said.set(`/v1/ledger/entries/${own(3).id}/receipt`, { status: 200, body: JSON.stringify(receipt) });
    expect(await look()).toMatchObject({ code: 6, kinds: ['grew', 'garbage'] });
  });
});

describe('the log', () => {
  const fork = () => sampleLog(40, 12);

  it.each<[string, number]>([
    ['of the same size', 32],
    ['that is larger', 37],
  ])('that shows another history %s is convicted by what it signed', async (_what, size) => {
    await look('--vkey', log.vkey);
    api.log = fork();
    api.size = size;
    const { code, findings } = await look();
    expect([code, findings[0]!.kind]).toEqual([10, 'equivocated']);
    const report = await verifyEquivocation(readFileSync(findings[0]!.file!), { crypto: nodeCrypto, log: log.vkey });
    expect(report).toMatchObject({ ok: true, equivocated: true });
    const verified = await freehold(['verify', findings[0]!.file!, '--vkey', log.vkey]);
    expect(verified).toMatchObject({ code: 0, out: expect.stringMatching(/^PROVEN: the log signed/m) });
    expect((await freehold(['verify', findings[0]!.file!])).code).toBe(12);
  });

  it('that goes back is reported, and what was seen is kept', async () => {
    await look();
    api.size = 20;
    expect(await look()).toMatchObject({ code: 6, kinds: ['went-back'] });
    api.said.set('/v1/log/checkpoint', { status: 409, body: '{"code":"LogEmpty"}' });
    expect(await look()).toMatchObject({ code: 6, kinds: ['went-back'] });
    api.said.clear();
    api.log = fork();
    api.size = 40;
    expect(await look()).toMatchObject({ code: 10, kinds: ['equivocated'] });
  });

  it('that gives a receipt of another history is convicted by it', async () => {
    keep(own(3).id, own(3).body, FUTURE);
    const other = fork();
    const body = JSON.stringify(await other.receipt(log.entries.indexOf(own(3)), 25));
    api.said.set(`/v1/ledger/entries/${own(3).id}/receipt`, { status: 200, body });
    expect(await look()).toMatchObject({ code: 10, kinds: ['grew', 'equivocated'] });
  });

  it.each<[string, string, string]>([
    ['no note', '/v1/log/checkpoint', 'hello'],
    ['nothing', '/v1/log/checkpoint', ''],
    ['what others signed', '/v1/log/checkpoint', 'other'],
  ])('that shows %s for a checkpoint is reported', async (_what, path, body) => {
    await look();
    const strange = await new SampleLog('freehold/other').checkpoint(2);
    api.said.set(path, { status: 200, body: body === 'other' ? strange : body });
    expect(await look()).toMatchObject({ code: 6, kinds: ['bad-signature'] });
  });

  it('that shows tiles which lead nowhere is reported, and is no equivocation', async () => {
    api.size = 20;
    await look();
    api.size = 30;
    api.said.set('/v1/log/tile/0/000.p/30', { status: 200, body: 'x'.repeat(30 * 32) });
    expect(await look()).toMatchObject({ code: 6, kinds: ['garbage'] });
    expect(existsSync(evidence())).toBe(false);
    api.said.clear();
    expect(await look()).toMatchObject({ code: 0, kinds: ['grew'] });
  });

  it('that has published nothing since a promise that is due has stopped', async () => {
    api.size = 10;
    await look();
    keep(own(9).id, own(9).body, PAST, new Date());
    expect(await look()).toMatchObject({ code: 6, kinds: ['broken', 'stopped'] });
  });

  it('that does not answer is silent', async () => {
    await look();
    api.said.set('/v1/log/checkpoint', { status: 503, body: '{}' });
    expect(await look()).toMatchObject({ code: 6, kinds: ['silent'] });
  }, 20_000);

  it('is watched under the key that was pinned, and under no other', async () => {
    const other = new SampleLog('freehold/other');
    expect((await look('--vkey', other.vkey)).kinds).toEqual(['bad-signature']);
    rmSync(join(home, 'config/watch'), { recursive: true });
    await look('--vkey', log.vkey);
    const renewed = formatVkey(noteKey(nodeCrypto.sha256, log.origin, signingKey(derived('another')).publicKey));
    expect(await look('--vkey', renewed)).toMatchObject({ code: 2, err: expect.stringContaining('move it away') });
  });

  it('that is no log at all is refused', async () => {
    api.said.set('/v1/log', { status: 200, body: '<html>' });
    expect((await look()).code).toBe(1);
  });
});

describe('the command', () => {
  it('keeps the promise of every change that it makes', async () => {
    const promise = api.promise(own(3).id, own(3).body, FUTURE);
    api.said.set('/v1/vpcs', { status: 201, body: JSON.stringify({ id: 'vpc-1', ledgerEntryId: own(3).id, promise }) });
    const env = {
      FREEHOLD_URL: api.url,
      FREEHOLD_API_KEY: 'fh_key',
      FREEHOLD_CONFIG: join(home, 'config/config.json'),
    };
    await freehold(['vpc', 'create', '--cidr-block', '10.0.0.0/16', '--dry-run'], { env });
    expect(existsSync(join(home, 'config/promises'))).toBe(false);
    expect((await freehold(['vpc', 'create', '--cidr-block', '10.0.0.0/16'], { env })).code).toBe(0);
    const path = new PromiseStore(join(home, 'config/promises')).pathOf(log.origin);
    expect(statSync(path).mode & 0o077).toBe(0);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ promise, url: api.url });
    writeFileSync(path, `${readFileSync(path, 'utf8')}{"promise":"cut o`);
    expect(await look()).toMatchObject({ code: 0, kinds: ['grew', 'kept'] });
  });

  it.each([
    [['--witness', 'nonsense']],
    [['--witness', 'a+00000000+BAAA', 'ftp://x']],
    [['--witnesses', '2']],
    [['--interval', 'x']],
    [['--interval', '0']],
    [['--view-key', '/nonexistent']],
  ])('refuses %j as usage', async (args) => {
    expect(await look(...args)).toMatchObject({ code: 2, kinds: [] });
  });
});
