import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseNote, readCosignature } from '#merkle';
import { nodeCrypto } from '#proof';
import { ForkingLog } from '../testing/forking-log.js';
import { Witness } from './witness.js';
import { originHash, WitnessFolder } from './witness-folder.js';
import { serveWitness, type WitnessServer } from './witness-server.js';

const log = new ForkingLog('freehold/a', 3, 16);
let root: string;
let folder: WitnessFolder;
let server: WitnessServer;
let failures: unknown[];
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'freehold-witness-'));
  failures = [];
  folder = await WitnessFolder.init(root, 'witness.example/w1');
  await folder.addLog([log.vkey]);
  const witness = await Witness.open(folder);
  server = await serveWitness(witness, { port: 0, host: '127.0.0.1', failed: (error) => failures.push(error) });
});
afterEach(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
  expect(failures).toEqual([]);
});

const post = (body: string | Uint8Array) => fetch(`${server.url}/add-checkpoint`, { method: 'POST', body });

it('cosigns over HTTP, and shows what it knows', async () => {
  const reply = await post(await log.request('x', 0, 5));
  expect(reply.status).toBe(200);
  const text = parseNote(await log.checkpoint('x', 5)).text;
  await readCosignature(text, await reply.text(), folder.key.key, nodeCrypto.ed25519Verify);
  const stale = await post(await log.request('x', 0, 9));
  expect([stale.status, stale.headers.get('content-type'), await stale.text()]).toEqual([
    409,
    'text/x.tlog.size',
    '5\n',
  ]);
  for (const path of ['/', '/v1/witness']) {
    expect(await (await fetch(server.url + path)).json()).toMatchObject({
      name: 'witness.example/w1',
      vkey: folder.vkey,
      logs: [{ origin: 'freehold/a', size: 5, vkeys: [log.vkey] }],
    });
  }
  const kept = await fetch(`${server.url}/${originHash('freehold/a')}/checkpoint`);
  expect(parseNote(await kept.text()).signatures).toHaveLength(2);
});

it.each([
  ['GET', '/add-checkpoint', 405],
  ['POST', '/v1/witness', 405],
  ['GET', '/nothing', 404],
  ['GET', `/${'0'.repeat(64)}/checkpoint`, 404],
])('answers %s %s with %d', async (method, path, status) => {
  expect((await fetch(server.url + path, { method })).status).toBe(status);
});

it('reads no more than a request can be', async () => {
  expect((await post('x'.repeat(65 << 10))).status).toBe(413);
  expect((await post(Uint8Array.of(0xff, 0xfe))).status).toBe(400);
  const chunked = await new Promise<number | string>((resolve) => {
    const request = httpRequest(`${server.url}/add-checkpoint`, { method: 'POST' }, (reply) => {
      resolve(reply.statusCode!);
      request.destroy();
    });
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code!));
    const more = () => {
      if (!request.destroyed) request.write('x'.repeat(4096), () => setImmediate(more));
    };
    more();
  });
  expect([413, 'ECONNRESET', 'EPIPE']).toContain(chunked);
  expect((await post(await log.request('x', 0, 5))).status).toBe(200);
});

it('outlives clients that go away or send nonsense', async () => {
  const { hostname, port } = new URL(server.url);
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write('POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nold 0');
      socket.destroy();
      resolve();
    });
  });
  const garbage = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write('\0\0\0\r\n\r\n'));
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('close', () => resolve(text));
  });
  expect(garbage).toContain('400');
  expect((await post(await log.request('x', 0, 5))).status).toBe(200);
});
