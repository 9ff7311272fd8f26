import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { createLogger } from '#telemetry';
import { LogFile } from './log-file.js';
import { readableLogLine } from './log-line.js';

describe('readableLogLine', () => {
  it('shows a JSON line as time, level, message, errors and the rest', () => {
    const line = JSON.stringify({
      level: 'warn',
      time: '2026-11-23T20:01:02.345Z',
      process: 'api',
      pid: 1,
      host: 'h',
      message: 'slow',
      ms: 1200,
      route: '/v1/vpcs',
      err: { type: 'TimeoutError', message: 'too late', stack: '...', cause: { type: 'Error', message: 'no disk' } },
    });
    expect(readableLogLine(line)).toEqual({
      level: 'warn',
      text: '20:01:02 WARN  slow  (TimeoutError: too late)  (Error: no disk)  ms=1200  route=/v1/vpcs',
    });
  });

  it('reads what the logger of our processes writes', () => {
    const written: string[] = [];
    const logger = createLogger({
      process: 'api',
      level: 'info',
      destination: { write: (line) => written.push(line) },
    });
    logger.error({ err: new Error('no table') }, 'could not start');
    expect(readableLogLine((written[0] ?? '').trim())).toEqual({
      level: 'error',
      text: expect.stringMatching(/^\d\d:\d\d:\d\d ERROR could not start {2}\(Error: no table\)$/),
    });
  });

  it('leaves text as it is, as a warning, but lets nothing steer the terminal', () => {
    expect(readableLogLine('plain\ttext')).toEqual({ level: 'warn', text: 'plain text' });
    expect(readableLogLine('\u001b[2Jgone\r\u0007').text).toBe('\\u001b[2Jgone\\r\\u0007');
    expect(readableLogLine('{"level":30}')).toEqual({ level: 'warn', text: '{"level":30}' });
    expect(readableLogLine('{broken').text).toBe('{broken');
    expect(readableLogLine(JSON.stringify({ level: 'info', message: '\u001b[31m' })).text).toBe('INFO  \\u001b[31m');
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

  it('keeps whole lines, however the chunks fall', async () => {
    const path = join(folder, 'logs', 'api.log');
    const seen: string[] = [];
    const log = new LogFile(path, (line) => seen.push(line));
    const text = Buffer.from('erste Zeile: ä€\nzweite\nohne Ende');
    await take(log, ...Array.from(text, (byte) => Buffer.from([byte])));
    expect(seen).toEqual(['erste Zeile: ä€', 'zweite', 'ohne Ende']);
    expect(readFileSync(path, 'utf8')).toBe('erste Zeile: ä€\nzweite\nohne Ende\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
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
