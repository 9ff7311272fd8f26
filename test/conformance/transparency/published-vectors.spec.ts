import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  FormatError,
  formatNote,
  parseCheckpoint,
  parseNote,
  parseTilePath,
  parseVkey,
  signatureLine,
  TILE_WIDTH,
  TreeHasher,
  tilePath,
  tilesOfTree,
  toBase64,
  verifyConsistency,
  verifyInclusion,
  verifyNote,
} from '#merkle';
import { nodeCrypto } from '#proof';

/** The vectors that other projects publish, against the library. README.md beside this file names their sources. */
const json = (name: string) => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));
const hasher = new TreeHasher(nodeCrypto.sha256);

interface MerkleVectors {
  source: string;
  inclusion: {
    file: string;
    leafIdx: number;
    treeSize: number;
    root: string;
    leafHash: string;
    proof: string[];
    wantErr: boolean;
  }[];
  consistency: {
    file: string;
    size1: number;
    size2: number;
    root1: string;
    root2: string;
    proof: string[];
    wantErr: boolean;
  }[];
}

describe('transparency-dev/merkle', () => {
  const { source, inclusion, consistency } = json('merkle-proofs.json') as MerkleVectors;

  it('is named', () => expect(source).toContain('github.com/transparency-dev/merkle'));

  it.each(inclusion)('$file', ({ leafIdx, treeSize, root, leafHash, proof, wantErr }) => {
    const claim = { index: leafIdx, size: treeSize, root: bytes(root), leafHash: bytes(leafHash) };
    expect(verifyInclusion(hasher, { ...claim, proof: proof.map(bytes) })).toBe(!wantErr);
  });

  it.each(consistency)('$file', ({ size1, size2, root1, root2, proof, wantErr }) => {
    const claim = { first: size1, second: size2, firstRoot: bytes(root1), secondRoot: bytes(root2) };
    expect(verifyConsistency(hasher, { ...claim, proof: proof.map(bytes) })).toBe(!wantErr);
  });
});

describe('golang.org/x/mod/sumdb/note', () => {
  const { text, peter, enoch, badVkeys, badNotes, invalidSignature } = json('signed-note.json');
  const [peterKey, enochKey] = [peter.vkey, enoch.vkey].map((vkey) => parseVkey(nodeCrypto.sha256, vkey));
  const verify = (note: string, keys = [peterKey!]) => verifyNote(note, keys, nodeCrypto.ed25519Verify);

  it('signs as we sign', () => {
    const seed = bytes(peter.skey.split('+').slice(4).join('+')).subarray(1);
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
    const secret = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    const line = signatureLine(peterKey!, (message) => sign(null, message, secret), text);
    expect(formatNote(text, [line])).toBe(`${text}\n${peter.signature}`);
  });

  it('is verified by one known key, or by both', async () => {
    const note = `${text}\n${peter.signature}${enoch.signature}`;
    expect((await verify(note)).signedBy.map(({ key }) => key.name)).toEqual(['PeterNeumann']);
    const both = await verify(note, [peterKey!, enochKey!]);
    expect(both.signedBy.map(({ key }) => key.name)).toEqual(['PeterNeumann', 'EnochRoot']);
    await expect(verify(note, [])).rejects.toThrow('no known key');
    const twice = await verify(`${text}\n${peter.signature}${peter.signature}`);
    expect(twice.signedBy).toHaveLength(1);
  });

  it('with a bad signature of a known key is refused', async () => {
    const { lineBefore, inserted } = invalidSignature;
    // Go cuts bytes, and the dash is three of them.
    const line = Buffer.from(peter.signature);
    const spoilt = `${line.subarray(0, lineBefore)}${inserted}${line.subarray(lineBefore)}`;
    await expect(verify(`${text}\n${spoilt}`)).rejects.toThrow('PeterNeumann');
  });

  it.each(badVkeys as string[])('%s is no key', (vkey) => {
    expect(() => parseVkey(nodeCrypto.sha256, vkey)).toThrow(FormatError);
  });

  it('has no key that differs in a character, or is a part of one', () => {
    const { vkey } = peter;
    for (let at = 0; at < vkey.length; at++) {
      const changed = vkey.slice(0, at) + String.fromCharCode(vkey.charCodeAt(at) + 1) + vkey.slice(at + 1);
      expect(() => parseVkey(nodeCrypto.sha256, changed)).toThrow(FormatError);
      expect(() => parseVkey(nodeCrypto.sha256, vkey.slice(at + 1))).toThrow(FormatError);
      expect(() => parseVkey(nodeCrypto.sha256, vkey.slice(0, at))).toThrow(FormatError);
    }
  });

  it.each(badNotes as string[])('%j is malformed', async (note) => {
    await expect(verify(note)).rejects.toThrow(FormatError);
  });
});

describe('C2SP', () => {
  const { checkpoint, note, tileIndex, trees } = json('tlog.json');

  it('tlog-checkpoint: the example', () => {
    const parsed = parseNote(checkpoint.note);
    const { origin, size, root } = parseCheckpoint(parsed.text);
    expect({ origin, size, root: toBase64(root) }).toEqual({
      origin: checkpoint.origin,
      size: checkpoint.size,
      root: checkpoint.root,
    });
    expect(parsed.signatures.map(({ name }) => name)).toEqual([checkpoint.origin]);
  });

  it('signed-note: the example, whose text has an empty line', () => {
    const parsed = parseNote(note.note);
    expect(parsed).toMatchObject({ text: note.text, signatures: [{ name: note.name }] });
  });

  it('tlog-tiles: the path of an index', () => {
    const path = tilePath({ level: 0, index: tileIndex.index, width: TILE_WIDTH });
    expect(path).toBe(`tile/0/${tileIndex.path}`);
    expect(parseTilePath(path)).toMatchObject({ index: tileIndex.index });
  });

  it.each(trees as { size: number; tiles: { level: number; full: number; partial: number }[] }[])(
    'tlog-tiles: the tiles of a tree of $size',
    ({ size, tiles }) => {
      const all = [...tilesOfTree(size)];
      const counted = [...new Set(all.map(({ level }) => level))].map((level) => {
        const ofLevel = all.filter((tile) => tile.level === level);
        const full = ofLevel.filter(({ width }) => width === TILE_WIDTH).length;
        return { level, full, partial: ofLevel.find(({ width }) => width < TILE_WIDTH)?.width ?? 0 };
      });
      expect(counted).toEqual(tiles);
    },
  );
});
