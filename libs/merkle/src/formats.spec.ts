import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import {
  COSIGNATURE_V1,
  cosignatureLine,
  decodeEntryBundle,
  encodeEntryBundle,
  entriesPath,
  FormatError,
  formatCheckpoint,
  formatNote,
  formatTlogProof,
  formatVkey,
  fromBase64,
  fromHex,
  fromUint64,
  noteKey,
  parseCheckpoint,
  parseNote,
  parseTilePath,
  parseTlogProof,
  parseVkey,
  signatureLine,
  tilePath,
  tilesOfTree,
  tileWidth,
  toBase64,
  toHex,
  uint64,
  verifyNote,
} from './index.js';

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(data).digest());

/** A key pair from a seed, through Node's own Ed25519. */
function keyPair(seed: number) {
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, seed)]);
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const publicKey = new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(12));
  return { publicKey, sign: (message: Uint8Array) => new Uint8Array(sign(null, message, privateKey)) };
}

const ed25519Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => {
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey]);
  return verify(null, message, createPublicKey({ key: spki, format: 'der', type: 'spki' }), signature);
};

describe('bytes as text', () => {
  it('agree with Node and have one spelling', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
        expect(fromHex(toHex(bytes))).toEqual(bytes);
      }),
    );
  });

  it.each(['A', 'AA', 'AAA', 'AB==', 'AAB=', 'A===', 'AAAA====', 'AA==AAAA', 'A A=', 'AAA_', 'AA\u0141A', '=AAA'])(
    'refuse base64 %j',
    (text) => {
      expect(() => fromBase64(text)).toThrow(FormatError);
    },
  );

  it.each(['0', '0G', 'AB', '0\u0130'])('refuse hex %j', (text) => {
    expect(() => fromHex(text)).toThrow(FormatError);
  });

  it('hold numbers to 2^53 and no further', () => {
    expect(toHex(uint64(258))).toBe('0000000000000102');
    fc.assert(fc.property(fc.maxSafeNat(), (value) => fromUint64(uint64(value)) === value));
    expect(() => uint64(2 ** 53)).toThrow(FormatError);
    expect(() => fromUint64(fromHex('0020000000000000'))).toThrow(FormatError);
  });
});

describe('tile paths', () => {
  it.each([
    [{ level: 0, index: 1_234_067, width: 256 }, 'tile/0/x001/x234/067'],
    [{ level: 1, index: 0, width: 1 }, 'tile/1/000.p/1'],
    [{ level: 63, index: 999, width: 255 }, 'tile/63/999.p/255'],
    [{ level: 2, index: 1000, width: 256 }, 'tile/2/x001/000'],
  ])('spell %j as %s', (tile, path) => {
    expect(tilePath(tile)).toBe(path);
    expect(parseTilePath(path)).toEqual({ kind: 'tile', ...tile });
  });

  it('spell a bundle of entries', () => {
    expect(entriesPath(1_234_067, 17)).toBe('tile/entries/x001/x234/067.p/17');
    expect(parseTilePath('tile/entries/x001/x234/067.p/17')).toEqual({ kind: 'entries', index: 1_234_067, width: 17 });
  });

  it.each([
    'tile/64/000',
    'tile/00/000',
    'tile/0/x000/001',
    'tile/0/1',
    'tile/0/x001',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/0/000/',
    '/tile/0/000',
    'tile/0/000.p',
    'tile/0/x999/x999/x999/x999/x999/999',
    'tile/entries/../000',
  ])('refuse %s', (path) => {
    expect(() => parseTilePath(path)).toThrow(FormatError);
  });

  it('give the example of the specification: a tree of 70,000', () => {
    const tiles = [...tilesOfTree(70_000)];
    expect(tiles.filter(({ level, width }) => level === 0 && width === 256)).toHaveLength(273);
    expect(tiles.filter(({ width }) => width < 256)).toEqual([
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ]);
    expect(tileWidth(1, 0, 256)).toBe(1);
    expect(tileWidth(0, 1, 256)).toBe(0);
  });
});

describe('entry bundles', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 256 }), (entries) => {
        expect(decodeEntryBundle(encodeEntryBundle(entries))).toEqual(entries);
      }),
      { numRuns: 20 },
    );
    expect(toHex(encodeEntryBundle([Uint8Array.of(1, 2), new Uint8Array(0)]))).toBe('000201020000');
  });

  it('refuse what is too long, too many or cut off', () => {
    expect(() => encodeEntryBundle([new Uint8Array(65_536)])).toThrow(FormatError);
    expect(decodeEntryBundle(encodeEntryBundle([new Uint8Array(65_535)]))[0]).toHaveLength(65_535);
    expect(() => encodeEntryBundle(Array.from({ length: 257 }, () => new Uint8Array(0)))).toThrow(FormatError);
    expect(() => decodeEntryBundle(fromHex('00'))).toThrow(FormatError);
    expect(() => decodeEntryBundle(fromHex('000201'))).toThrow(FormatError);
    expect(() => decodeEntryBundle(new Uint8Array(2 * 257))).toThrow(FormatError);
  });
});

describe('signed notes', () => {
  const pairs = Array.from({ length: 18 }, (_, at) => keyPair(at + 1));
  const keys = pairs.map(({ publicKey }, at) => noteKey(sha256, `log.example/${at}`, publicKey));
  const text = 'log.example/0\n3\nrlqdvDVv/SYUOGpkHQDb+bOBBplxbA+pgN+pmCzTCtM=\n';
  const line = (at: number) => signatureLine(keys[at]!, pairs[at]!.sign, text);
  const badLine = (at: number) => signatureLine(keys[at]!, () => new Uint8Array(64), text);

  // From the documentation of golang.org/x/mod/sumdb/note.
  const published = {
    vkey: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    note:
      "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
      '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
  };

  it('verify the note that Go publishes', async () => {
    const key = parseVkey(sha256, published.vkey);
    const verified = await verifyNote(published.note, [key], ed25519Verify);
    expect(verified.signedBy.map((one) => one.key.name)).toEqual(['PeterNeumann']);
    expect(formatVkey(key)).toBe(published.vkey);
    const changed = published.note.replace('know', 'knew');
    await expect(verifyNote(changed, [key], ed25519Verify)).rejects.toThrow('the signature of PeterNeumann is wrong');
  });

  it('may have blank lines in their text: the last one divides', async () => {
    const poem = 'Ognuno sta solo\n\ned è subito sera.\n';
    const note = formatNote(poem, [signatureLine(keys[0]!, pairs[0]!.sign, poem)]);
    await expect(verifyNote(note, [keys[0]!], ed25519Verify)).resolves.toMatchObject({ text: poem });
  });

  it('verify with any known key among 16 and more, and ignore unknown ones', async () => {
    const note = formatNote(
      text,
      [...keys.keys()].map((at) => (at === 17 ? line(at) : badLine(at))),
    );
    const verified = await verifyNote(note, [keys[17]!], ed25519Verify);
    expect(verified).toEqual({ text, signedBy: [{ key: keys[17], time: null }] });
    await expect(verifyNote(note, [keys[3]!, keys[17]!], ed25519Verify)).rejects.toThrow('log.example/3 is wrong');
    await expect(verifyNote(formatNote(text, [line(0)]), [keys[1]!], ed25519Verify)).rejects.toThrow('no known key');
  });

  it('do not take a key with the same name or the same id for a known one', async () => {
    const other = { ...keys[0]!, keyId: keys[0]!.keyId ^ 1 };
    const renamed = { ...keys[0]!, name: 'log.example/other' };
    for (const key of [other, renamed]) {
      const note = formatNote(text, [signatureLine(key, pairs[0]!.sign, text)]);
      await expect(verifyNote(note, [keys[0]!], ed25519Verify)).rejects.toThrow('no known key');
    }
  });

  it('carry a witness with its time, and keep the two kinds of signature apart', async () => {
    const witness = noteKey(sha256, 'witness.example', pairs[1]!.publicKey, COSIGNATURE_V1);
    const cosigned = formatNote(text, [line(0), cosignatureLine(witness, pairs[1]!.sign, text, 1_679_315_147)]);
    const verified = await verifyNote(cosigned, [keys[0]!, witness], ed25519Verify);
    expect(verified.signedBy.map((one) => one.time)).toEqual([null, 1_679_315_147]);
    const plain = noteKey(sha256, 'witness.example', pairs[1]!.publicKey);
    expect(plain.keyId).not.toBe(witness.keyId);
    const confused = signatureLine({ ...witness }, pairs[1]!.sign, text);
    await expect(verifyNote(formatNote(text, [confused]), [witness], ed25519Verify)).rejects.toThrow('not 72 bytes');
    expect(parseVkey(sha256, formatVkey(witness))).toEqual(witness);
  });

  it.each([
    ['no blank line', text],
    ['no signature', `${text}\n`],
    ['no newline at the end', `${text}\n\u2014 a AAAAAAA=`],
    ['another dash', `${text}\n- a AAAAAAA=\n`],
    ['a control character', `a\tb\n\n\u2014 a AAAAAAA=\n`],
    ['a carriage return', `a\r\n\n\u2014 a AAAAAAA=\n`],
    ['a lone surrogate', `\ud800\n\n\u2014 a AAAAAAA=\n`],
    ['a key name with a plus', `${text}\n\u2014 a+b AAAAAAA=\n`],
    ['a signature that is only an id', `${text}\n\u2014 a AAAAAA==\n`],
    ['a third word', `${text}\n\u2014 a AAAAAAA= b\n`],
  ])('are refused with %s', (_name, note) => {
    expect(() => parseNote(note)).toThrow(FormatError);
  });

  it.each([
    'a',
    'a+00000000+AAAA',
    'log.example/0+00000000+AThjGWyOlIXrrCHFh1pG4iLyGeqq8BsJJEt3KOlnBfNZ',
    'a b+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  ])('refuse the verifier key %s', (vkey) => {
    expect(() => parseVkey(sha256, vkey)).toThrow(FormatError);
  });

  it('refuse any note with one character changed', async () => {
    const note = formatNote(text, [line(0)]);
    await fc.assert(
      fc.asyncProperty(fc.nat(note.length - 1), fc.integer({ min: 1, max: 126 }), async (at, by) => {
        const changed = note.slice(0, at) + String.fromCharCode((note.charCodeAt(at) + by) % 127) + note.slice(at + 1);
        await expect(verifyNote(changed, [keys[0]!], ed25519Verify)).rejects.toThrow(/./);
      }),
    );
  });
});

describe('checkpoints and tlog proofs', () => {
  const root = sha256(Uint8Array.of(1));
  it('come back as they were', () => {
    const checkpoint = { origin: 'log.example/0', size: 20_852_163, root, extensions: ['more'] };
    expect(parseCheckpoint(formatCheckpoint(checkpoint))).toEqual(checkpoint);
    const proof = { index: 7, hashes: [root, sha256(root)], checkpoint: 'a\n1\nb\n\n\u2014 c d\n', extra: null };
    expect(parseTlogProof(formatTlogProof(proof))).toEqual(proof);
    const withExtra = { ...proof, hashes: [], extra: Uint8Array.of(1, 2) };
    expect(parseTlogProof(formatTlogProof(withExtra))).toEqual(withExtra);
    expect(formatTlogProof(withExtra)).toBe('c2sp.org/tlog-proof@v1\nextra AQI=\nindex 7\n\na\n1\nb\n\n\u2014 c d\n');
  });

  it.each([
    '',
    'a\n',
    'a\n1\n',
    'a\n01\nAAAA\n',
    'a\n-1\nAAAA\n',
    `a\n1\n${'AAAA'}\n`,
    `a\n1\n${toBase64(root)}\n\n`,
    `a\n1\n${toBase64(root)}`,
  ])('refuse the checkpoint %j', (text) => {
    expect(() => parseCheckpoint(text)).toThrow(FormatError);
  });

  it.each([
    'c2sp.org/tlog-proof@v2\nindex 0\n\nc\n',
    'c2sp.org/tlog-proof@v1\nextra !!\nindex 0\n\nc\n',
    'c2sp.org/tlog-proof@v1\n\n\nc\n',
    'c2sp.org/tlog-proof@v1\nindex -5\n\nc\n',
    'c2sp.org/tlog-proof@v1\nindex 00\n\nc\n',
    'c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\nc\n',
    'c2sp.org/tlog-proof@v1\nindex 0\n',
  ])('refuse the proof %j', (text) => {
    expect(() => parseTlogProof(text)).toThrow(FormatError);
  });
});
