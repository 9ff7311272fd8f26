import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deriveDatasetKeys, newDatasetKey } from '#dataset';
import { newId } from '#kernel';
import { SourceReader } from './read-source.js';
import { countFolder, type ScannedEntry, scanFolder } from './scan-folder.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'freehold-source-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const keys = deriveDatasetKeys(newId('dataset'), newDatasetKey());

function entry(name: string): ScannedEntry {
  const fullPath = Buffer.from(join(folder, name));
  return { kind: 'file', path: Buffer.from(name), fullPath, stats: lstatSync(fullPath, { bigint: true }) };
}

async function readAll(reader: SourceReader, name: string, during?: () => void) {
  let chunks: Buffer[] = [];
  let restarts = 0;
  const outcome = await reader.read(
    entry(name),
    async (chunk) => {
      chunks.push(Buffer.from(chunk));
      during?.();
    },
    () => {
      restarts += 1;
      chunks = [];
    },
  );
  return { outcome, bytes: Buffer.concat(chunks), chunks: chunks.length, restarts };
}

describe('reading a source', () => {
  it.each([0, 1, 1_048_575, 1_048_576, 1_048_577, 3_000_000, 9_437_184])(
    'gives every byte of a file of %i once',
    async (size) => {
      const bytes = randomBytes(size);
      writeFileSync(join(folder, 'file'), bytes);
      const reader = new SourceReader(keys);
      for (let turn = 0; turn < 2; turn += 1) {
        const got = await readAll(reader, 'file');
        expect(got.bytes.equals(bytes)).toBe(true);
        expect(got.outcome).toMatchObject({ kind: 'read', size });
      }
    },
  );

  it('cuts a file alike whatever was read before it, so that equal files share their chunks', async () => {
    const bytes = randomBytes(2_500_000);
    writeFileSync(join(folder, 'a'), bytes);
    writeFileSync(join(folder, 'b'), Buffer.concat([bytes.subarray(0, 1_700_000), randomBytes(10)]));
    const reader = new SourceReader(keys);
    const first = await readAll(reader, 'a');
    await readAll(reader, 'b');
    expect((await readAll(reader, 'a')).chunks).toBe(first.chunks);
  });

  it('reads a file again that changed meanwhile, and gives up on one that never holds still', async () => {
    writeFileSync(join(folder, 'file'), randomBytes(300_000));
    let changes = 0;
    const once = await readAll(new SourceReader(keys), 'file', () => {
      if (changes === 0) appendFileSync(join(folder, 'file'), 'more');
      changes += 1;
    });
    expect(once).toMatchObject({ restarts: 1, outcome: { kind: 'read', size: 300_004 } });
    let time = 1_600_000_000;
    const never = await readAll(new SourceReader(keys), 'file', () => {
      time += 1;
      utimesSync(join(folder, 'file'), time, time);
    });
    expect(never.outcome.kind).toBe('changing');
  });

  it('takes what vanished, or became a link, for not there', async () => {
    writeFileSync(join(folder, 'file'), 'x');
    const gone = entry('file');
    rmSync(join(folder, 'file'));
    const reader = new SourceReader(keys);
    const nothing = async () => undefined;
    expect(await reader.read(gone, nothing, () => undefined)).toEqual({ kind: 'vanished' });
    symlinkSync('/etc/passwd', join(folder, 'file'));
    expect(await reader.read(gone, nothing, () => undefined)).toEqual({ kind: 'vanished' });
  });
});

describe('scanning a folder', () => {
  it('gives directories before what is in them, in the order of bytes, links as links', async () => {
    mkdirSync(join(folder, 'b/c'), { recursive: true });
    writeFileSync(join(folder, 'b/c/file'), 'x');
    writeFileSync(join(folder, 'b.txt'), '12345');
    writeFileSync(join(folder, 'Z'), '');
    symlinkSync('/nowhere', join(folder, 'a'));
    const found: string[] = [];
    for await (const { kind, path, target } of scanFolder(Buffer.from(folder))) {
      found.push(`${kind} ${path}${target ? ` -> ${target}` : ''}`);
    }
    expect(found).toEqual(['file Z', 'link a -> /nowhere', 'dir b', 'dir b/c', 'file b/c/file', 'file b.txt']);
    expect(await countFolder(Buffer.from(folder))).toEqual({ files: 3, bytes: 6 });
  });
});
