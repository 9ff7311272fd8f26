import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ForkingLog } from '../testing/forking-log.js';
import { freehold } from '../testing/recording-terminal.js';
import { Witness } from '../witness/witness.js';
import { WitnessFolder } from '../witness/witness-folder.js';

const log = new ForkingLog('freehold/a', 3, 8);
let root: string;
let folder: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'freehold-witness-'));
  folder = ['--folder', join(root, 'w')];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const witness = (...args: string[]) => freehold(['witness', ...args, '-o', 'json']);

it('is made, told of logs, and says how far each has come', async () => {
  const made = await witness('init', '--name', 'witness.example/w1', ...folder);
  expect(made.code).toBe(0);
  const { vkey } = JSON.parse(made.out);
  expect(vkey).toMatch(/^witness\.example\/w1\+[0-9a-f]{8}\+B/);
  expect(made.err).toContain('never restored');
  expect(`${made.out}${made.err}`).not.toContain('PRIVATE');
  expect(statSync(join(root, 'w')).mode & 0o077).toBe(0);
  expect((await witness('add-log', '--vkey', log.vkey, ...folder)).code).toBe(0);
  expect(JSON.parse((await witness('list', ...folder)).out)).toMatchObject([{ origin: 'freehold/a', size: 0 }]);
  const opened = await Witness.open(await WitnessFolder.open(join(root, 'w')));
  await opened.addCheckpoint(await log.request('x', 0, 5));
  expect(JSON.parse((await witness('list', ...folder)).out)).toMatchObject([
    { size: 5, cosignedAt: expect.any(String) },
  ]);
  expect((await witness('init', '--name', 'witness.example/w1', ...folder)).code).toBe(5);
});

it.each([
  [['init', '--name', 'a b'], 'a witness is named'],
  [['init'], '--name'],
  [['list'], 'there is no witness'],
  [['serve'], 'there is no witness'],
  [['serve', '--port', '70000'], '65535'],
  [['add-log', '--vkey', 'x'], 'there is no witness'],
])('refuses %j as usage', async (args, why) => {
  expect(await witness(...args, ...folder)).toMatchObject({ code: 2, err: expect.stringContaining(why) });
});

it('takes no key that is none of a log', async () => {
  await witness('init', '--name', 'witness.example/w1', ...folder);
  const reply = await witness('add-log', '--vkey', 'nonsense', ...folder);
  expect(reply).toMatchObject({ code: 2, err: expect.stringContaining('no verifier key') });
});
