import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { LogFile } from './log-file.js';
import { readableLogLine } from './log-line.js';

describe('readableLogLine', () => {
  it('shows a JSON line as time, level, message and the rest', () => {
    const line = JSON.stringify({
      level: 40,
      time: Date.UTC(2026, 10, 23, 20, 1, 2),
      pid: 1,
      hostname: 'h',
      msg: 'slow',
      ms: 1200,
      route: '/v1/vpcs',
      err: { type: 'TimeoutError', message: 'too late', stack: '...' },
    });
    expect(readableLogLine(line)).toEqual({
      level: 40,
      text: '20:01:02 WARN  slow  (TimeoutError: too late)  ms=1200  route=/v1/vpcs',
    });
  });

  it('leaves text as it is, as a warning, but lets nothing steer the terminal', () => {
    expect(readableLogLine('plain\ttext')).toEqual({ level: 40, text: 'plain text' });
    expect(readableLogLine('\u001b[2Jgone\r\u0007').text).toBe('\\u001b[2Jgone\\r\\u0007');
    expect(readableLogLine('{"level":"x"}').level).toBe(40);
    expect(readableLogLine('{broken').text).toBe('{broken');
    expect(readableLogLine(JSON.stringify({ level: 30, msg: '\u001b[31m' })).text).toBe('--:--:-- INFO  \\u001b[31m');
    expect(readableLogLine('x'.repeat(9_000)).text).toHaveLength(2_003);
  });
});

describe('LogFile', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'freehold-log-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function take(log: LogFile, ...chunks: Buffer[]): Promise<void> {
    const stream = new PassThrough();
    log.take(stream);
    for (const chunk of chunks) stream.write(chunk);
    stream.end();
    await finished(stream);
  }

  it('keeps whole lines, however the chunks fall, and the last ones in mind', async () => {
    const path = join(folder, 'logs', 'api.log');
    const seen: string[] = [];
    const log = new LogFile(path, (line) => seen.push(line));
    const text = Buffer.from('erste Zeile: ä€\nzweite\nohne Ende');
    await take(log, ...Array.from(text, (byte) => Buffer.from([byte])));
    expect(seen).toEqual(['erste Zeile: ä€', 'zweite', 'ohne Ende']);
    expect(readFileSync(path, 'utf8')).toBe('erste Zeile: ä€\nzweite\nohne Ende\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await take(log, Buffer.from(Array.from({ length: 40 }, (_, n) => `${n}\n`).join('')));
    expect(log.lastLines()).toEqual(Array.from({ length: 15 }, (_, n) => `${n + 25}`));
    log.close();
  });

  it('bounds the length of a line and the size of the file', async () => {
    const path = join(folder, 'api.log');
    let longest = 0;
    const log = new LogFile(path, (line) => {
      longest = Math.max(longest, line.length);
    });
    const chunk = Buffer.alloc(64 * 1024, 'x');
    await take(log, ...Array.from({ length: 300 }, () => chunk));
    log.close();
    expect(longest).toBeLessThanOrEqual(128 * 1024);
    expect(statSync(`${path}.1`).size).toBeGreaterThan(16 * 1024 * 1024);
    expect(statSync(path).size).toBeLessThan(16 * 1024 * 1024);
  });

  it('goes on showing lines when they cannot be kept', async () => {
    const seen: string[] = [];
    writeFileSync(join(folder, 'no-folder'), '');
    const log = new LogFile(join(folder, 'no-folder', 'api.log'), (line) => seen.push(line));
    await take(log, Buffer.from('one\ntwo\n'));
    expect(seen).toEqual(['one', 'two']);
  });
});
