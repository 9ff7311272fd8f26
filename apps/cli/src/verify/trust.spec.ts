import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  COSIGNATURE_V1,
  cosignatureLine,
  encodeEntryBundle,
  formatVkey,
  noteKey,
  parseNote,
  parseTilePath,
  type Tile,
} from '#merkle';
import { nodeCrypto } from '#proof';
import { derived, fileOf, joined, SampleLog, signingKey } from '../../../../libs/proof/src/testing/sample-log.js';
import { freehold } from '../testing/recording-terminal.js';

const ACME = 0;
let folder: string;
let env: Record<string, string>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freehold-trust-'));
  env = { FREEHOLD_CONFIG: join(folder, 'config', 'config.json') };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A log of so many entries; the same for the same name, up to where `from` says that it goes its own way. */
function logOf(size: number, from = Number.POSITIVE_INFINITY): SampleLog {
  const log = new SampleLog();
  while (log.size < size) log.append(log.tenants[log.size < from ? log.size % 2 : 1 - (log.size % 2)]!);
  return log;
}

const command = (...args: string[]) => freehold(args, { env });
const receipt = async (log: SampleLog, index = 5) => file(`receipt-${log.size}.json`, fileOf(await log.receipt(index)));
const bundle = async (log: SampleLog) => file(`bundle-${log.size}.jsonl`, joined(await log.bundle(log.tenants[ACME]!)));
const seen = async () => JSON.parse((await command('trust', 'list', '-o', 'json')).out)[0].seen as number[];
const markOf = (out: string, step: string) => new RegExp(`^(.) ${step}`, 'm').exec(out)?.[1];

describe('trust', () => {
  it('is given by a person, kept in a private file, and taken away again', async () => {
    const log = logOf(10);
    const added = await command('trust', 'add', log.vkey);
    expect(added).toMatchObject({ code: 0, out: expect.stringContaining(log.origin) });
    const path = join(folder, 'config', 'trust.json');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'config')).mode & 0o777).toBe(0o700);
    expect((await command('trust', 'list')).out).toContain(log.origin);
    expect((await command('trust', 'remove', log.origin)).code).toBe(2);
    expect((await command('trust', 'remove', log.origin, '--yes')).code).toBe(0);
    expect((await command('trust', 'remove', log.origin, '--yes')).code).toBe(1);
    expect(JSON.parse((await command('trust', 'list', '-o', 'json')).out)).toEqual([]);
  });

  it('is never given by having seen something', async () => {
    const { code, out } = await command('verify', await receipt(logOf(10)));
    expect(code).toBe(0);
    expect(out).toContain('is not trusted because of that');
    expect(existsSync(join(folder, 'config', 'trust.json'))).toBe(false);
  });

  it('of another key of the same log is refused until the first one is taken away', async () => {
    const log = logOf(10);
    await command('trust', 'add', log.vkey);
    const other = formatVkey(noteKey(nodeCrypto.sha256, log.origin, signingKey(derived('other')).publicKey));
    expect(await command('trust', 'add', other)).toMatchObject({ code: 5, err: expect.stringContaining('is pinned') });
  });

  it.each([['nonsense'], ['missing.vkey'], []])('in %j is refused as usage', async (...args) => {
    expect((await command('trust', 'add', ...args)).code).toBe(2);
  });

  it('in a damaged file is not begun anew', async () => {
    const log = logOf(10);
    await command('trust', 'add', log.vkey);
    writeFileSync(join(folder, 'config', 'trust.json'), '{}');
    expect(await command('verify', await receipt(log))).toMatchObject({
      code: 2,
      err: expect.stringContaining('mend'),
    });
    expect((await command('trust', 'add', log.vkey)).code).toBe(2);
  });

  it('pins documents of its log, and not those of others', async () => {
    const log = logOf(10);
    await command('trust', 'add', file('log.vkey', `${log.vkey}\n`));
    const own = await command('verify', await receipt(log), '--require-pinned', '-o', 'json');
    expect(JSON.parse(own.out)).toMatchObject({ ok: true, pinned: true });
    const other = new SampleLog('freehold/other');
    const foreign = await command('verify', await receipt(other, 1), '--require-pinned');
    expect(foreign.code).toBe(7);
    expect(foreign.out).toMatch(/^✗ log-key/m);
    // Whoever takes the pinned name with a key of their own fails.
    const signer = signingKey(derived('impostor'));
    const key = noteKey(nodeCrypto.sha256, log.origin, signer.publicKey);
    const impostor = Object.assign(new SampleLog(), { signer, key });
    expect((await command('verify', await receipt(impostor, 1))).code).toBe(6);
  });
});

describe('what was seen of a pinned log', () => {
  it('is kept, and another head of the same size is found out', async () => {
    const log = logOf(20);
    await command('trust', 'add', log.vkey);
    expect(markOf((await command('verify', await receipt(log))).out, 'consistency')).toBe('·');
    expect(await seen()).toEqual([20]);
    const again = await command('verify', await receipt(log, 7));
    expect([again.code, markOf(again.out, 'consistency')]).toEqual([0, '✓']);
    const fork = await command('verify', await receipt(logOf(20, 10)), '-o', 'json');
    expect(fork.code).toBe(10);
    expect(JSON.parse(fork.out)).toMatchObject({ ok: false, failure: 'inconsistent', head: null });
    expect(await seen()).toEqual([20]);
  });

  it('is left open where a receipt cannot show it, and is proven by a bundle', async () => {
    await command('trust', 'add', logOf(1).vkey);
    for (const size of [30, 12, 20]) expect((await command('verify', await receipt(logOf(size)))).code).toBe(0);
    expect(await seen()).toEqual([12, 20, 30]);
    const open = await command('verify', await receipt(logOf(40)));
    expect([open.code, markOf(open.out, 'consistency')]).toEqual([0, '·']);
    const whole = await command('verify', await bundle(logOf(50)));
    expect([whole.code, markOf(whole.out, 'consistency')]).toEqual([0, '✓']);
    expect(await seen()).toEqual([50]);
    const older = await command('verify', await bundle(logOf(25)));
    expect([older.code, markOf(older.out, 'consistency')]).toEqual([0, '·']);
    expect((await command('verify', await bundle(logOf(60, 40)))).code).toBe(10);
  });

  it('is not taken from what did not hold', async () => {
    const log = logOf(20);
    await command('trust', 'add', log.vkey);
    const document = await log.receipt(5);
    await command('verify', file('forged.json', fileOf({ ...document, tenantSeq: document.tenantSeq + 1 })));
    await command('verify', file('pending.json', fileOf({ ...document, anchor: null })), '--require-anchor');
    expect(await seen()).toEqual([]);
  });

  it('may be a checkpoint that somebody kept, if the log signed it', async () => {
    const log = logOf(20);
    const kept = file('kept', await log.checkpoint(12));
    expect((await command('trust', 'add', log.vkey, '--checkpoint', kept)).code).toBe(0);
    expect((await command('verify', await bundle(log))).code).toBe(0);
    const other = file('other', await new SampleLog('freehold/other').checkpoint());
    expect((await command('verify', await receipt(log), '--checkpoint', other)).code).toBe(6);
    expect((await command('trust', 'add', log.vkey, '--checkpoint', other)).code).toBe(2);
  });
});

describe('witnesses', () => {
  const names = ['witness.example/a', 'witness.example/b', 'witness.example/c'];
  const signers = names.map((name) => signingKey(derived(name)));
  const keys = names.map((name, at) => noteKey(nodeCrypto.sha256, name, signers[at]!.publicKey, COSIGNATURE_V1));
  const vkeys = keys.map(formatVkey);

  /** The receipt with cosignatures of the first so many witnesses. */
  async function cosigned(log: SampleLog, count: number) {
    const document = await log.receipt(5);
    const { text } = parseNote(document.proof.slice(document.proof.indexOf('\n\n') + 2));
    const lines = keys.slice(0, count).map((key, at) => cosignatureLine(key, signers[at]!.sign, text, 1_800_000_000));
    return file(`cosigned-${count}.json`, fileOf({ ...document, proof: document.proof + lines.join('') }));
  }

  it('are counted: k of n, all of them unless said', async () => {
    const log = logOf(20);
    const two = await cosigned(log, 2);
    const all = vkeys.flatMap((vkey) => ['--witness', vkey]);
    expect((await command('verify', two, ...all)).code).toBe(8);
    const enough = await command('verify', two, ...all, '--witnesses', '2');
    expect([enough.code, markOf(enough.out, 'witnesses')]).toEqual([0, '✓']);
    expect(markOf((await command('verify', two)).out, 'witnesses')).toBe('·');
    for (const k of ['4', '-1', 'x', '1.5'])
      expect((await command('verify', two, ...all, '--witnesses', k)).code).toBe(2);
    expect((await command('verify', two, '--witnesses', '1')).code).toBe(2);
    expect((await command('verify', two, '--witness', log.vkey)).code).toBe(2);
  });

  it('of a pinned log are demanded without being named again', async () => {
    const log = logOf(20);
    await command('trust', 'add', log.vkey, ...vkeys.flatMap((vkey) => ['--witness', vkey]), '--witnesses', '2');
    expect((await command('verify', await cosigned(log, 1))).code).toBe(8);
    expect((await command('verify', await cosigned(log, 2))).code).toBe(0);
    await command('trust', 'add', log.vkey);
    expect((await command('verify', await cosigned(log, 1))).code).toBe(8);
    await command('trust', 'add', log.vkey, '--witness', vkeys[0]!);
    expect((await command('verify', await cosigned(log, 1))).code).toBe(0);
  });
});

describe('a log that answers', () => {
  let server: Server;
  let url: string;
  let shown: SampleLog;
  let spoil: (path: string, answer: Uint8Array) => Uint8Array | null;
  let anchored: object[];
  const anchors = () => Buffer.from(JSON.stringify({ items: anchored, nextCursor: null }));

  beforeEach(async () => {
    spoil = (_path, answer) => answer;
    anchored = [];
    server = createServer(async (request, response) => {
      const path = request.url!.slice('/v1/log'.length);
      const answer = request.url!.startsWith('/v1/ledger/anchors?') ? anchors() : await answerOf(shown, path);
      const given = answer && spoil(path, answer);
      response.writeHead(given ? 200 : 404).end(given ?? '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  async function answerOf(log: SampleLog, path: string): Promise<Uint8Array | null> {
    if (path === '/checkpoint') return Buffer.from(await log.checkpoint());
    if (path === '') return Buffer.from(JSON.stringify({ origin: log.origin, vkey: log.vkey }));
    if (!path.startsWith('/tile/')) return null;
    const tile = parseTilePath(path.slice(1));
    if (tile.kind === 'tile') return log.tile(tile as Tile);
    const first = tile.index * 256;
    return encodeEntryBundle(log.entries.slice(first, first + tile.width).map(({ leaf }) => leaf));
  }

  it('is verified by its tiles, and continues what it showed before', async () => {
    await command('trust', 'add', logOf(1).vkey);
    for (const size of [3, 20, 300, 700]) {
      shown = logOf(size);
      const { code, out } = await command('verify', '--log', url);
      expect([code, markOf(out, 'consistency')]).toEqual([0, size === 3 ? '·' : '✓']);
      expect(await seen()).toEqual([size]);
    }
    const full = await command('verify', '--log', `${url}/v1/log/`, '--full', '-o', 'json');
    expect(JSON.parse(full.out)).toMatchObject({ ok: true, size: 700, leaves: 700, pinned: true });
  });

  it('that shows another history, or was set back, ends with 10', async () => {
    await command('trust', 'add', logOf(1).vkey);
    shown = logOf(300);
    await command('verify', '--log', url);
    for (const other of [logOf(400, 100), logOf(300, 299), logOf(299)]) {
      shown = other;
      expect((await command('verify', '--log', url)).code).toBe(10);
      expect(await seen()).toEqual([300]);
    }
  });

  it('is held against the newest anchor that it tells of', async () => {
    shown = logOf(300);
    expect(markOf((await command('verify', '--log', url)).out, 'anchor')).toBe('·');
    expect((await command('verify', '--log', url, '--require-anchor')).code).toBe(9);
    const anchor = { id: 'anc-00000000000000001', state: 'final', ...(await shown.anchor(257)) };
    anchored = [anchor];
    const good = await command('verify', '--log', url, '--require-anchor');
    expect(good).toMatchObject({ code: 0, out: expect.stringContaining('the last 43 entries are not anchored yet') });
    const block = ['--block', `0x${'ab'.repeat(32)}`];
    expect((await command('verify', '--log', url, '--require-anchor', ...block)).code).toBe(9);
    anchored = [{ ...anchor, root: (await logOf(300, 100).anchor(257)).root }];
    expect((await command('verify', '--log', url)).code).toBe(10);
    for (const change of [{ size: 301 }, { size: 0 }, { root: null }, { chainId: 'x' }]) {
      anchored = [{ ...anchor, ...change }];
      expect((await command('verify', '--log', url)).code).toBe(6);
    }
  });

  it('that nobody pinned is said to be only as good as its address', async () => {
    shown = logOf(20);
    const { code, out } = await command('verify', '--log', url);
    expect([code, markOf(out, 'log-key')]).toEqual([0, '·']);
    expect((await command('verify', '--log', url, '--require-pinned')).code).toBe(7);
    expect((await command('verify', '--log', url, '--vkey', new SampleLog('freehold/x').vkey)).code).toBe(6);
  });

  it.each([
    ['a tile at the edge', '/tile/0/002.p/88', []],
    ['a whole tile', '/tile/0/000', ['--full']],
    ['a tile of tiles', '/tile/1/000.p/2', []],
    ['an entry', '/tile/entries/001', ['--full']],
  ])('with a byte of %s changed, or without it, ends with 6', async (_what, place, args) => {
    shown = logOf(600);
    let met = 0;
    const at = (path: string) => path === place && ++met > 0;
    spoil = (path, answer) => (at(path) ? answer.map((byte, index) => (index === 40 ? byte ^ 1 : byte)) : answer);
    expect((await command('verify', '--log', url, ...args)).code).toBe(6);
    spoil = (path, answer) => (at(path) || path === place.replace(/\.p.*/, '') ? null : answer);
    expect((await command('verify', '--log', url, ...args)).code).toBe(6);
    expect(met).toBe(2);
  });

  it('that does not answer is no failed verification', async () => {
    shown = logOf(20);
    expect((await command('verify', '--log', 'http://127.0.0.1:9')).code).toBe(1);
    expect((await command('verify', '--log', `${url}/elsewhere`)).code).toBe(2);
    spoil = (path, answer) => (path.startsWith('/tile') ? new Uint8Array(1 << 15) : answer);
    expect((await command('verify', '--log', url)).code).toBe(6);
    for (const bad of ['ftp://x', 'x', `${url}/?q`]) expect((await command('verify', '--log', bad)).code).toBe(2);
    expect((await command('verify', 'file', '--log', url)).code).toBe(2);
  });
});

it('documents are told by their content, whatever their names', async () => {
  const log = logOf(20);
  const odd = file('a', readFileSync(await bundle(log)));
  expect((await command('verify', odd)).out).toContain('entries of');
  expect((await command('verify', file('b', readFileSync(await receipt(log))))).out).toContain(
    'a receipt of version 2',
  );
  expect((await command('verify', folder)).code).not.toBe(0);
});
