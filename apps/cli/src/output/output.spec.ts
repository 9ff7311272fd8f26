import { freehold } from '../testing/recording-terminal.js';
import { formatBytes, formatSeconds } from './amounts.js';
import { paintFor } from './paint.js';
import { Printer } from './printer.js';
import { cellText, displayWidth, renderTable } from './table.js';

describe('a table', () => {
  it('has columns as wide as what is seen of their cells', () => {
    const rows = [
      ['日本', 'x'],
      ['\u001b[32ma\u001b[39m', 'y'],
    ];
    expect(renderTable(['NAME', 'B'], rows, 80)).toBe('NAME  B\n日本  x\n\u001b[32ma\u001b[39m     y\n');
  });

  it('is cut at the edge of the screen, and nowhere in a file', () => {
    expect(renderTable(['A'], [['x'.repeat(20)]], 10)).toBe(`A\n${'x'.repeat(9)}…\n`);
    expect(renderTable(['A'], [['x'.repeat(200)]], Number.POSITIVE_INFINITY)).toContain('x'.repeat(200));
    expect(displayWidth(renderTable(['A'], [['日'.repeat(20)]], 10).split('\n')[1]!)).toBeLessThanOrEqual(10);
  });

  it.each([
    [null, '-'],
    [[], '-'],
    [['a', 'b'], 'a, b'],
    [{ a: 1, b: null }, 'a=1'],
    [{}, '-'],
    [false, 'false'],
    ['a\u001b[2Jb\n', 'a\\u001b[2Jb\\u000a'],
  ])('shows %j as %s', (value, text) => expect(cellText(value)).toBe(text));

  it('counts what takes no column, and what takes two', () => {
    expect(displayWidth('e\u0301')).toBe(1);
    expect(displayWidth('🚀')).toBe(2);
  });
});

describe('colours', () => {
  const painted = (env: Record<string, string>, tty: boolean, wanted = true) =>
    paintFor(env, tty, wanted).good('x') !== 'x';

  it.each([
    [{}, true, true, true],
    [{}, false, true, false],
    [{ NO_COLOR: '1' }, true, true, false],
    [{ NO_COLOR: '' }, true, true, true],
    [{ TERM: 'dumb' }, true, true, false],
    [{}, true, false, false],
  ])('with %j, a terminal: %s, wanted: %s', (env, tty, wanted, expected) => {
    expect(painted(env as Record<string, string>, tty, wanted)).toBe(expected);
  });

  it('are not in errors of a log', async () => {
    const env = { FREEHOLD_CONFIG: '/nonexistent', FREEHOLD_DATA_DIR: '/nonexistent' };
    expect((await freehold(['vpc', 'list'], { env, tty: true })).err).toContain('\u001b[31m');
    expect((await freehold(['vpc', 'list', '--no-color'], { env, tty: true })).err).not.toContain('\u001b');
    expect((await freehold(['vpc', 'list'], { env })).err).not.toContain('\u001b');
  });
});

describe('the printer', () => {
  const plain = paintFor({}, false, false);
  const printed = async (format: 'table' | 'json' | 'yaml', work: (printer: Printer) => Promise<void>) => {
    let out = '';
    const terminal = { out: (text: string) => (out += text), err: () => undefined, width: 80 };
    await work(new Printer(terminal as never, format, plain, plain));
    return out;
  };

  it('writes an empty list as one', async () => {
    expect(await printed('json', (printer) => printer.list([], ['id']))).toBe('[]\n');
    expect(await printed('table', (printer) => printer.list([], ['id']))).toBe('');
  });

  it('shows parts of a resource as a table, and keeps signed notes for programs', async () => {
    const item = { id: 'rtb-1', promise: 'long', routes: [{ to: '0.0.0.0/0', promise: 'long' }, { to: 'b' }] };
    expect(await printed('table', (printer) => printer.item(item))).toBe('id  rtb-1\nroutes\n  to\n  0.0.0.0/0\n  b\n');
    expect(await printed('yaml', (printer) => printer.item(item))).toContain('promise: long');
  });
});

it('amounts are for people', () => {
  expect([0, 999, 1000, 61_400_000, 999_960_000].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '61.4 MB',
    '1.0 GB',
  ]);
  expect([0.123, 9.999, 12.34, 185].map(formatSeconds)).toEqual(['0.12 s', '10.0 s', '12.3 s', '3 min 05 s']);
});
