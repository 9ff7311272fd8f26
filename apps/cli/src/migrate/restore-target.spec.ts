import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlannedFile } from './restore-plan.js';
import { RestoreTarget } from './restore-target.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freehold-target-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const TIME = 1_600_000_000_123_456_789n;
const file = (path: string, size: number): PlannedFile => ({
  path: Buffer.from(path),
  mode: 0o640,
  mtimeNs: TIME,
  size,
  missing: size,
});
const dir = (path: string) => ({ path: Buffer.from(path), mode: 0o750, mtimeNs: TIME });
const link = (path: string, target: string) => ({
  path: Buffer.from(path),
  target: Buffer.from(target),
  mtimeNs: TIME,
});

describe('a restored tree', () => {
  it('gets its name when it is whole, with modes and times', async () => {
    const target = await RestoreTarget.create(join(folder, 'out'));
    const files = [file('a/x', 10), file('zero', 0), file('a/y', 3)];
    await target.begin([dir('a'), dir('a/b')], files);
    await target.write(files[0]!, Buffer.from('56789'), 5);
    await target.write(files[2]!, Buffer.from('yyy'), 0);
    expect(existsSync(join(folder, 'out'))).toBe(false);
    await target.write(files[0]!, Buffer.from('01234'), 0);
    expect(await target.commit([dir('a'), dir('a/b')], [link('l', 'a/x')], false)).toEqual([]);
    expect(readFileSync(join(folder, 'out/a/x'), 'utf8')).toBe('0123456789');
    expect(readFileSync(join(folder, 'out/zero'), 'utf8')).toBe('');
    expect(readlinkSync(join(folder, 'out/l'))).toBe('a/x');
    for (const [path, mode] of [
      ['a/x', 0o640],
      ['a', 0o750],
    ] as const) {
      const stats = lstatSync(join(folder, 'out', path), { bigint: true });
      expect(Number(stats.mode) & 0o777).toBe(mode);
      expect(stats.mtimeNs / 1000n).toBe(TIME / 1000n);
    }
    expect(readdirSync(folder)).toEqual(['out']);
  });

  it('has no link that leads out, unless that is asked for', async () => {
    const links = [link('inside', 'x'), link('up', '../../etc/passwd'), link('root', '/etc/passwd')];
    const first = await RestoreTarget.create(join(folder, 'out'));
    await first.begin([], []);
    expect((await first.commit([], links, false)).map(({ path }) => path.toString())).toEqual(['up', 'root']);
    expect(readdirSync(join(folder, 'out'))).toEqual(['inside']);
    const second = await RestoreTarget.create(join(folder, 'all'));
    await second.begin([], []);
    expect(await second.commit([], links, true)).toEqual([]);
    expect(readdirSync(join(folder, 'all')).length).toBe(3);
  });

  it('is not there at all after a failure', async () => {
    const target = await RestoreTarget.create(join(folder, 'out'));
    const files = [file('x', 10)];
    await target.begin([], files);
    await target.write(files[0]!, Buffer.from('01234'), 0);
    await target.abandon();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('never overwrites: a folder with something in it, and a file, are refused; an empty folder is taken', async () => {
    mkdirSync(join(folder, 'full'));
    writeFileSync(join(folder, 'full/mine'), 'mine');
    await expect(RestoreTarget.create(join(folder, 'full'))).rejects.toMatchObject({ code: 'TargetNotEmpty' });
    await expect(RestoreTarget.create(join(folder, 'full/mine'))).rejects.toMatchObject({ code: 'TargetNotEmpty' });
    mkdirSync(join(folder, 'empty'));
    const target = await RestoreTarget.create(join(folder, 'empty'));
    await target.begin([], []);
    await target.commit([], [], false);
    expect(readdirSync(folder).sort()).toEqual(['empty', 'full']);
  });

  it('removes what a killed restore of the same target left, and nothing of one that runs', async () => {
    // No process has this id: it is above the largest one of Linux.
    const abandoned = join(folder, '.out.freehold-restore-4194305');
    const running = join(folder, `.out.freehold-restore-${process.ppid}`);
    mkdirSync(join(abandoned, 'deep'), { recursive: true });
    mkdirSync(running);
    await (await RestoreTarget.create(join(folder, 'out'))).abandon();
    expect(readdirSync(folder)).toEqual([`.out.freehold-restore-${process.ppid}`]);
  });

  it('keeps a bounded number of files open', async () => {
    const target = await RestoreTarget.create(join(folder, 'many'));
    const files = Array.from({ length: 400 }, (_, index) => file(`f${index}`, 2));
    await target.begin([], files);
    for (const each of files) await target.write(each, Buffer.from('a'), 0);
    const open = readdirSync('/proc/self/fd').length;
    for (const each of files) await target.write(each, Buffer.from('b'), 1);
    await target.commit([], [], false);
    expect(open).toBeLessThan(300);
    for (const name of readdirSync(join(folder, 'many')))
      expect(readFileSync(join(folder, 'many', name), 'utf8')).toBe('ab');
  });
});
