import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '#kernel';
import { Journal, type JournalSegment } from './journal.js';

let folder: string;
let path: string;
const dataset = newId('dataset');
const keyCheck = 'ab'.repeat(32);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freehold-journal-'));
  path = join(folder, 'state', 'journal.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function segment(): JournalSegment {
  const record = {
    v: 1 as const,
    id: newId('segment'),
    kind: 'data' as const,
    sha256: randomBytes(32).toString('hex'),
    size: 1000,
    k: 4,
    m: 2,
    roots: Array.from({ length: 6 }, () => randomBytes(32).toString('hex')),
    key: randomBytes(60).toString('base64'),
  };
  return { record, ids: randomBytes(96), lengths: Uint32Array.of(1, 70_000, 3) };
}

async function reopen(key = keyCheck, of = dataset): Promise<JournalSegment[]> {
  const found: JournalSegment[] = [];
  const journal = await Journal.open(path, of, key, (one) => found.push(one));
  await journal.close();
  return found;
}

async function fill(count: number): Promise<JournalSegment[]> {
  const segments = Array.from({ length: count }, segment);
  const journal = await Journal.open(path, dataset, keyCheck, () => undefined);
  await Promise.all(segments.map((one) => journal.append(one)));
  await journal.close();
  return segments;
}

describe('the journal', () => {
  it('gives back what was appended, over several runs', async () => {
    const first = await fill(5);
    const second = await fill(3);
    expect(await reopen()).toEqual(expect.arrayContaining([...first, ...second]));
    expect((await reopen()).length).toBe(8);
  });

  it('can be read by its owner only', async () => {
    await fill(1);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
  });

  it('drops a line that was cut off, wherever, and goes on behind the last good one', async () => {
    await fill(4);
    const whole = readFileSync(path);
    const lastLine = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
    for (const length of [lastLine + 1, whole.length - 1, whole.length - 2, lastLine + 200]) {
      truncateSync(path, 0);
      appendFileSync(path, whole.subarray(0, length));
      expect((await reopen()).length).toBe(3);
      const [added] = await fill(1);
      const now = await reopen();
      expect(now.length).toBe(4);
      expect(now.at(-1)).toEqual(added);
    }
  });

  it('uses nothing behind a line that makes no sense', async () => {
    await fill(2);
    appendFileSync(path, '{"t":"segment","record":{}}\n');
    await fill(1);
    expect((await reopen()).length).toBe(3);
  });

  it('sets a journal of another key or dataset aside', async () => {
    await fill(2);
    expect(await reopen('cd'.repeat(32))).toEqual([]);
    expect(readdirSync(join(path, '..')).sort()).toEqual(['journal.jsonl', 'journal.jsonl.unusable']);
    expect(await reopen('cd'.repeat(32), newId('dataset'))).toEqual([]);
  });

  it('begins anew on an empty file', async () => {
    await fill(1);
    truncateSync(path, 0);
    expect(await reopen()).toEqual([]);
    await fill(1);
    expect((await reopen()).length).toBe(1);
  });
});
