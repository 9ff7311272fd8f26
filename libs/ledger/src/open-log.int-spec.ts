import { createHash, createPublicKey, verify } from 'node:crypto';
import { Test, type TestingModule } from '@nestjs/testing';
import { DatabaseModule, type Tx, UnitOfWork } from '#database';
import { KeyringModule } from '#keyring';
import { ClockModule } from '#telemetry';
import { startTestApi, type TestApi } from '../../../test/support/test-api.js';
import { LedgerModule, LedgerWriter, Sequencer, SequencerModule } from './index.js';
import { contextOf, subnetCreated } from './testing/ledger-process.js';

/**
 * The open log as somebody else's tool reads it: everything below is written from the specifications (c2sp.org/tlog-tiles,
 * tlog-checkpoint, signed-note, tlog-proof; RFC 6962 section 2.1) and uses nothing of ours.
 */

const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();

/** MTH of RFC 6962 section 2.1. */
function treeHash(leaves: Buffer[]): Buffer {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0]!;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha256(Buffer.of(1), treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
}

/** PATH of RFC 6962 section 2.1.1. */
function path(m: number, leaves: Buffer[]): Buffer[] {
  if (leaves.length <= 1) return [];
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return m < k ? [...path(m, left), treeHash(right)] : [...path(m - k, right), treeHash(left)];
}

/** PROOF of RFC 6962 section 2.1.2. */
function consistency(m: number, leaves: Buffer[], whole = true): Buffer[] {
  if (m === leaves.length) return whole ? [] : [treeHash(leaves)];
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  if (m <= k) return [...consistency(m, left, whole), treeHash(right)];
  return [...consistency(m - k, right, false), treeHash(left)];
}

/** A signed note whose one signature holds under the vkey: its lines. */
function opened(note: string, vkey: string): string[] {
  const [name, id, key] = [vkey.split('+')[0]!, vkey.split('+')[1]!, vkey.split('+').slice(2).join('+')];
  const encoded = Buffer.from(key, 'base64');
  expect(encoded).toHaveLength(33);
  expect(encoded[0]).toBe(1);
  expect(
    sha256(Buffer.from(`${name}\n`), encoded)
      .subarray(0, 4)
      .toString('hex'),
  ).toBe(id);
  const split = note.indexOf('\n\n');
  const text = note.slice(0, split + 1);
  const [line, ...rest] = note.slice(split + 2).split('\n');
  expect(rest).toEqual(['']);
  expect(line!.startsWith(`\u2014 ${name} `)).toBe(true);
  const signature = Buffer.from(line!.split(' ')[2]!, 'base64');
  expect(signature.subarray(0, 4).toString('hex')).toBe(id);
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), encoded.subarray(1)]);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  expect(verify(null, Buffer.from(text), publicKey, signature.subarray(4))).toBe(true);
  return text.split('\n');
}

/** Index path elements: 1234067 is x001/x234/067. */
function indexPath(index: number): string {
  let text = String(index % 1000).padStart(3, '0');
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    text = `x${String(rest % 1000).padStart(3, '0')}/${text}`;
  }
  return text;
}

let api: TestApi;
let worker: TestingModule;
let tenant: Awaited<ReturnType<TestApi['tenant']>>;
let vkey: string;
let size = 0;
let root: Buffer;
let leaves: Buffer[] = [];

const get = (where: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`${api.url}/v1/log/${where}`, { headers, method });
const bytes = async (where: string) => {
  const reply = await get(where);
  expect([where, reply.status]).toEqual([where, 200]);
  return Buffer.from(await reply.arrayBuffer());
};

beforeAll(async () => {
  api = await startTestApi();
  worker = await Test.createTestingModule({
    imports: [
      DatabaseModule.forRoot({ url: api.database.urls.freehold_system, role: 'system', applicationName: 'test' }),
      ClockModule.forRoot(),
      KeyringModule.forRoot(api.settings),
      LedgerModule.forRoot(api.settings),
      SequencerModule.forRoot(api.settings),
    ],
  }).compile();
  const empty = await get('checkpoint');
  expect(empty.status).toBe(409);
  tenant = await api.tenant();
  const writer = api.app.get(LedgerWriter);
  await api.app.get(UnitOfWork).run(contextOf(tenant.id as never), async (tx: Tx) => {
    for (let at = 0; at < 600; at++) writer.append(tx, subnetCreated(at));
  });
  await worker.get(Sequencer).tick();
  vkey = (await api.caller(null)('GET', '/v1/log')).body.vkey;
  const [, sizeLine, rootLine] = opened((await bytes('checkpoint')).toString('utf8'), vkey);
  size = Number(sizeLine);
  root = Buffer.from(rootLine!, 'base64');
  expect(size).toBeGreaterThan(512);
});
afterAll(async () => {
  await worker?.close();
  await api?.close();
});

describe('the open log, read by the specifications', () => {
  it('gives entry bundles whose leaves hash to the signed root', async () => {
    for (let bundle = 0; bundle * 256 < size; bundle++) {
      const width = Math.min(256, size - bundle * 256);
      const entries = await bytes(`tile/entries/${indexPath(bundle)}${width < 256 ? `.p/${width}` : ''}`);
      let at = 0;
      for (let entry = 0; entry < width; entry++) {
        const length = entries.readUInt16BE(at);
        leaves.push(sha256(Buffer.of(0), entries.subarray(at + 2, at + 2 + length)));
        at += 2 + length;
      }
      expect(at).toBe(entries.length);
    }
    leaves = leaves.slice(0, size);
    expect(treeHash(leaves).toString('hex')).toBe(root.toString('hex'));
  });

  it('gives every tile of every level in every width it ever had', async () => {
    const level1 = Array.from({ length: Math.floor(size / 256) }, (_, at) =>
      treeHash(leaves.slice(at * 256, (at + 1) * 256)),
    );
    for (const [level, hashes] of [leaves, level1].entries()) {
      for (let tile = 0; tile * 256 < hashes.length; tile++) {
        const own = hashes.slice(tile * 256, (tile + 1) * 256);
        for (const width of new Set([1, 2, 100, 255, own.length])) {
          if (width > own.length) continue;
          const served = await bytes(`tile/${level}/${indexPath(tile)}${width < 256 ? `.p/${width}` : ''}`);
          expect(served.equals(Buffer.concat(own.slice(0, width)))).toBe(true);
        }
      }
    }
  });

  it('proves each entry in a tlog-proof, and each tree to be the beginning of the next', async () => {
    for (const index of [0, 1, 255, 256, 257, 511, size - 1]) {
      const proof = (await bytes(`proof/${index}`)).toString('utf8');
      const split = proof.indexOf('\n\n');
      const [header, indexLine, ...hashes] = proof.slice(0, split).split('\n');
      expect([header, indexLine]).toEqual(['c2sp.org/tlog-proof@v1', `index ${index}`]);
      expect(hashes).toEqual(path(index, leaves).map((hash) => hash.toString('base64')));
      expect(opened(proof.slice(split + 2), vkey).slice(1, 3)).toEqual([String(size), root.toString('base64')]);
    }
    for (const [from, to] of [
      [1, size],
      [256, size],
      [300, 513],
      [size, size],
      [255, 256],
    ] as const) {
      const reply = (await (await get(`consistency?from=${from}&to=${to}`)).json()) as { hashes: string[] };
      const expected = consistency(from, leaves.slice(0, to)).map((hash) => hash.toString('base64'));
      expect(reply).toEqual({ from, to, hashes: expected });
    }
    expect(await (await get('consistency?from=7')).json()).toMatchObject({ from: 7, to: size });
    expect(await (await get('consistency?from=0')).json()).toMatchObject({ from: 0, hashes: [] });
  });

  it('lets caches keep tiles for ever and the checkpoint for a moment, and answers who kept them in a line', async () => {
    const kinds: [string, string, RegExp][] = [
      ['tile/0/000', 'application/octet-stream', /max-age=31536000, immutable/],
      ['tile/0/002.p/3', 'application/octet-stream', /max-age=31536000, immutable/],
      ['tile/entries/001', 'application/octet-stream', /max-age=31536000, immutable/],
      ['checkpoint', 'text/plain; charset=utf-8', /max-age=1$/],
      ['proof/3', 'text/plain; charset=utf-8', /max-age=1$/],
    ];
    for (const [where, type, cache] of kinds) {
      const reply = await get(where);
      const body = Buffer.from(await reply.arrayBuffer());
      expect([where, reply.headers.get('content-type')]).toEqual([where, type]);
      expect(reply.headers.get('cache-control')).toMatch(cache);
      expect(reply.headers.get('access-control-allow-origin')).toBe('*');
      const tag = reply.headers.get('etag')!;
      for (const kept of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
        const same = await get(where, { 'if-none-match': kept });
        expect([where, same.status, await same.text(), same.headers.get('etag')]).toEqual([where, 304, '', tag]);
        expect(same.headers.get('cache-control')).toMatch(cache);
      }
      expect((await get(where, { 'if-none-match': '"other"' })).status).toBe(200);
      const head = await get(where, {}, 'HEAD');
      expect([where, head.status, head.headers.get('etag'), await head.text()]).toEqual([where, 200, tag, '']);
      expect([where, head.headers.get('content-length')]).toEqual([where, String(body.length)]);
    }
  });

  it('has no other path: never an empty tile, a second spelling or what is not published', async () => {
    const wide = size % 256;
    for (const where of [
      'tile/0/002',
      `tile/0/002.p/${wide + 1}`,
      `tile/entries/002.p/${wide + 1}`,
      'tile/0/003.p/1',
      'tile/1/000',
      'tile/2/000.p/1',
      'tile/0/000.p/0',
      'tile/0/000.p/256',
      'tile/0/000.p/01',
      'tile/00/000',
      'tile/0/0',
      'tile/0/x000/000',
      'tile/0/1',
      'tile/64/000',
      'tile/-1/000',
      'tile/entries/002',
      'tile/data/000',
      'tile/0/000/',
      'tile/0/000.p/1/',
      'tile/',
      `proof/${size}`,
      'nothing',
    ]) {
      const reply = await get(where);
      expect([where, reply.status]).toEqual([where, 404]);
      expect(reply.headers.get('content-type')).toMatch(/problem\+json/);
      expect(reply.headers.get('cache-control') ?? '').not.toMatch(/immutable/);
    }
    for (const where of [
      'proof/-1',
      'proof/1.5',
      'proof/x',
      'consistency',
      'consistency?from=9&to=3',
      'consistency?from=-1',
    ]) {
      const reply = await get(where);
      expect([where, reply.status]).toEqual([where, 400]);
      expect(await reply.json()).toMatchObject({ errors: [{ pointer: expect.any(String), fix: expect.any(String) }] });
    }
    expect((await get(`consistency?from=1&to=${size + 1}`)).status).toBe(404);
    for (const method of ['POST', 'PUT', 'DELETE']) {
      expect((await get('tile/0/000', {}, method)).status).toBeGreaterThanOrEqual(400);
    }
  });

  it('shows leaves that say nothing but that they are leaves', async () => {
    const reply = await get('leaves?from=0&limit=1000');
    const { items } = (await reply.json()) as { items: { leaf: string }[] };
    const shown = items.map(({ leaf }) => JSON.parse(Buffer.from(leaf, 'base64').toString('utf8')));
    for (const leaf of shown) expect(Object.keys(leaf)).toEqual(['commit', 'origin', 'tag', 'v']);
    expect(new Set(items.map(({ leaf }) => leaf.length)).size).toBe(1);
  });
});
