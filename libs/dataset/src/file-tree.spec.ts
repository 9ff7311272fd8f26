import fc from 'fast-check';
import { newId } from '#kernel';
import { CorruptDatasetError, UnsafeEntryError } from './dataset.errors.js';
import { assertSafePath, linkStaysInside } from './entry-path.js';
import {
  encodePath,
  encodeTreeLine,
  FileTreeReader,
  pathOf,
  type TreeEntry,
  type TreeLine,
  type TreeSegment,
} from './file-tree.js';

const id = (byte: number) => Buffer.alloc(32, byte).toString('base64');
const segment: TreeSegment = {
  t: 'segment',
  n: 0,
  id: newId('segment'),
  chunks: [
    [id(1), 10],
    [id(2), 20],
  ],
};
const head: TreeLine = { t: 'tree', v: 1 };
const dir = (path: string): TreeLine => ({ t: 'dir', path, mode: 0o755, mtime: '0' });
const file = (path: string, over: object = {}): TreeLine => ({
  t: 'file',
  path,
  mode: 0o644,
  mtime: '1700000000123456789',
  size: 30,
  hash: id(3),
  chunks: [[0, 0, 2]],
  ...over,
});
const end = (dirs: number, files: number, links: number, bytes: number): TreeLine => ({
  t: 'end',
  dirs,
  files,
  links,
  bytes,
});

function read(lines: TreeLine[], pieceSize = 7): (TreeSegment | TreeEntry)[] {
  const got: (TreeSegment | TreeEntry)[] = [];
  const reader = new FileTreeReader((line) => got.push(line));
  const bytes = Buffer.concat(lines.map(encodeTreeLine));
  for (let at = 0; at < bytes.length; at += pieceSize) reader.push(bytes.subarray(at, at + pieceSize));
  reader.finish();
  return got;
}

describe('the file tree', () => {
  const whole = [
    head,
    segment,
    dir('a'),
    file('a/b'),
    { t: 'link', path: 'c', target: 'a/b', mtime: '-5' } as TreeLine,
    end(1, 1, 1, 30),
  ];

  it('reads back what was written, in pieces of any size', () => {
    for (const size of [1, 7, 64, 100_000]) expect(read(whole, size)).toEqual(whole.slice(1, -1));
  });

  it('keeps names exactly as bytes, UTF-8 or not, composed or not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (raw) => {
        const entry = { t: 'dir', ...encodePath(raw), mode: 0, mtime: '0' } as TreeEntry;
        expect(pathOf(JSON.parse(Buffer.from(encodeTreeLine(entry)).toString()))).toEqual(Buffer.from(raw));
      }),
    );
    const decomposed = Buffer.from('u\u0308ber');
    expect(pathOf({ t: 'dir', ...encodePath(decomposed), mode: 0, mtime: '0' })).toEqual(decomposed);
    expect(encodePath(Buffer.from([0xff, 0x61]))).toEqual({ pathBytes: '/2E=' });
    expect(encodePath(Buffer.from('\ufeffbom'))).toEqual({ path: '\ufeffbom' });
  });

  it.each<[string, TreeLine[]]>([
    ['no header', [segment, end(0, 0, 0, 0)]],
    ['two headers', [head, head, end(0, 0, 0, 0)]],
    ['a tree that is cut off', [head, dir('a')]],
    ['lines after the end', [head, end(0, 0, 0, 0), dir('a')]],
    ['wrong counts', [head, dir('a'), end(2, 0, 0, 0)]],
    ['a path twice', [head, dir('a'), dir('a'), end(2, 0, 0, 0)]],
    ['a parent that is not there', [head, dir('a/b'), end(1, 0, 0, 0)]],
    [
      'a parent that is a link',
      [head, { t: 'link', path: 'a', target: '/etc', mtime: '0' } as TreeLine, dir('a/b'), end(1, 0, 1, 0)],
    ],
    ['a chunk of no segment', [head, segment, file('f', { chunks: [[0, 1, 2]] }), end(0, 1, 0, 30)]],
    ['a segment that is not there', [head, file('f'), end(0, 1, 0, 30)]],
    ['a size that does not add up', [head, segment, file('f', { size: 31 }), end(0, 1, 0, 31)]],
    ['a segment twice', [head, segment, segment, end(0, 0, 0, 0)]],
    ['two paths in one entry', [head, { ...dir('a'), pathBytes: 'YQ==' } as TreeLine, end(1, 0, 0, 0)]],
    ['an unknown member', [head, { ...dir('a'), owner: 0 } as unknown as TreeLine, end(1, 0, 0, 0)]],
    ['set-user-id beyond the mode bits', [head, { ...dir('a'), mode: 0o20755 } as TreeLine, end(1, 0, 0, 0)]],
  ])('refuses %s', (_what, lines) => {
    expect(() => read(lines)).toThrow(CorruptDatasetError);
  });

  it.each(['..', '../x', 'a/../../x', '/etc/passwd', 'a//b', 'a/', './a', 'a/.', 'a\0b', '', `${'n'.repeat(256)}`])(
    'refuses the path %j',
    (path) => {
      expect(() => read([head, dir('a'), file(path, { size: 0, chunks: [] }), end(1, 1, 0, 0)])).toThrow(
        UnsafeEntryError,
      );
    },
  );
});

describe('safe names', () => {
  it('accept whatever a POSIX folder can hold', () => {
    for (const path of ['a', '...', '..a', 'a b', '日本語/ü', 'a\\b', 'C:', '\u202e', '~', '-rf', 'a\nb']) {
      expect(() => assertSafePath(Buffer.from(path))).not.toThrow();
    }
    expect(() => assertSafePath(Buffer.from([0xff, 0xfe]))).not.toThrow();
  });

  it.each<[string, string, boolean]>([
    ['l', 'a', true],
    ['l', '.', true],
    ['a/l', '../b', true],
    ['a/b/l', '../../c', true],
    ['l', '../x', false],
    ['a/l', '../../x', false],
    ['a/l', 'b/../../../x', false],
    ['a/l', 'x/../../../a/y', false],
    ['l', '/etc/passwd', false],
    ['l', '', false],
    ['l', 'a\0b', false],
  ])('a link at %j to %j stays inside: %s', (path, target, inside) => {
    expect(linkStaysInside(Buffer.from(path), Buffer.from(target))).toBe(inside);
  });
});
