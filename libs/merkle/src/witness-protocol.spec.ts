import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import {
  addSignatureLines,
  COSIGNATURE_V1,
  cosignatureLine,
  FormatError,
  formatAddCheckpoint,
  formatNote,
  formatTreeSize,
  fromUint64,
  noteKey,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  parseTreeSize,
  parseVkey,
  readCosignature,
  signatureLine,
  TreeHasher,
  toBase64,
  verifyConsistency,
  verifyNote,
} from './index.js';

const vectors = JSON.parse(readFileSync(new URL('./test-vectors/tlog-witness.json', import.meta.url), 'utf8'));
const { specification, sequence } = vectors;
const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(data).digest());

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

describe('the request add-checkpoint', () => {
  it('is the example of the specification to the byte', () => {
    const request = parseAddCheckpoint(specification.request);
    expect(request.oldSize).toBe(specification.oldSize);
    expect(request.proof.map(toBase64)).toEqual(specification.proof);
    expect(request.checkpoint).toBe(specification.checkpoint);
    expect(formatAddCheckpoint(request)).toBe(specification.request);
  });

  it('comes back as it was', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.array(hash, { maxLength: 63 }), (oldSize, proof) => {
        const request = { oldSize, proof, checkpoint: specification.checkpoint };
        expect(parseAddCheckpoint(formatAddCheckpoint(request))).toEqual(request);
      }),
    );
  });

  it('has no other spelling: what is taken is written as it was read', () => {
    const text: string = specification.request;
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.integer({ min: 0, max: 126 }), (at, code) => {
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
        try {
          expect(formatAddCheckpoint(parseAddCheckpoint(changed))).toBe(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  const note = specification.checkpoint as string;
  const hash = specification.proof[0] as string;
  it.each([
    ['nothing', ''],
    ['a checkpoint alone', note],
    ['another first line', `new 1\n\n${note}`],
    ['no old size', `old \n\n${note}`],
    ['a leading zero', `old 01\n\n${note}`],
    ['a sign', `old +1\n\n${note}`],
    ['2^53', `old 9007199254740992\n\n${note}`],
    ['a second space', `old  1\n\n${note}`],
    ['a space behind', `old 1 \n\n${note}`],
    ['a carriage return', `old 1\r\n\n${note}`],
    ['a short hash', `old 1\nAAAA\n\n${note}`],
    ['an empty hash before others', `old 1\n\n${hash}\n${note}`.replace('\n\n\u2014', '\n\u2014')],
    ['a hash in base64url', `old 1\n${hash.replace('w', '_')}\n\n${note}`],
    ['64 hashes', `old 1\n${`${hash}\n`.repeat(64)}\n${note}`],
    ['a checkpoint with no signature', `old 1\n\n${note.slice(0, note.indexOf('\n\n') + 1)}`],
    ['no newline at its end', `old 1\n\n${note.slice(0, -1)}`],
  ])('is refused with %s', (_name, body) => {
    expect(() => parseAddCheckpoint(body)).toThrow(FormatError);
  });

  it('is not written when it would be refused', () => {
    const request = { oldSize: 1, proof: [] as Uint8Array[], checkpoint: note };
    const many = Array.from({ length: 64 }, () => new Uint8Array(32));
    for (const wrong of [{ oldSize: -1 }, { oldSize: 0.5 }, { proof: many }, { proof: [new Uint8Array(31)] }]) {
      expect(() => formatAddCheckpoint({ ...request, ...wrong })).toThrow(FormatError);
    }
  });
});

describe('the size that a witness names', () => {
  it('is a decimal number and a newline', () => {
    expect(formatTreeSize(20_852_163)).toBe('20852163\n');
    expect(parseTreeSize('0\n')).toBe(0);
    for (const wrong of ['', '\n', '1', '01\n', ' 1\n', '1\n\n', '-1\n', '9007199254740992\n', '1\r\n']) {
      expect(() => parseTreeSize(wrong)).toThrow(FormatError);
    }
  });
});

describe('the published vectors of another witness', () => {
  const key = parseVkey(sha256, sequence.logVkey);
  const hasher = new TreeHasher(sha256);
  it.each(sequence.steps.filter((step: { status: number }) => step.status === 200) as { name: string; body: string }[])(
    'hold here: $name',
    async ({ body }) => {
      const { oldSize, proof, checkpoint } = parseAddCheckpoint(body);
      const { text } = await verifyNote(checkpoint, [key], ed25519Verify);
      const { size, root } = parseCheckpoint(text);
      const before = sequence.steps
        .map((step: { body: string }) => /\n\n.*\n(\d+)\n(.*)\n\n/.exec(step.body))
        .find((match: RegExpExecArray | null) => Number(match?.[1]) === oldSize);
      const firstRoot = oldSize === 0 ? hasher.emptyRoot : Buffer.from(before[2], 'base64');
      expect(verifyConsistency(hasher, { first: oldSize, second: size, firstRoot, secondRoot: root, proof })).toBe(
        true,
      );
    },
  );
});

describe('the reply of a witness', () => {
  const pair = keyPair(7);
  const witness = noteKey(sha256, 'witness.example/w1', pair.publicKey, COSIGNATURE_V1);
  const text = parseNote(specification.checkpoint).text;
  const own = cosignatureLine(witness, pair.sign, text, 1_679_315_147);

  it('gives its cosignature, whatever others stand beside it', async () => {
    const found = await readCosignature(text, `${specification.reply}${own}`, witness, ed25519Verify);
    expect(found).toEqual({ line: own, time: 1_679_315_147 });
  });

  it('of the specification has the time where this reads it', () => {
    const { signatures } = parseNote(specification.cosignedNote);
    expect(fromUint64(signatures[1]!.signature.subarray(0, 8))).toBe(specification.cosignatureTime);
  });

  const other = keyPair(8);
  const forged = cosignatureLine(witness, other.sign, text, 1_679_315_147);
  const elsewhere = cosignatureLine(witness, pair.sign, text.replace('20852163', '20852164'), 1_679_315_147);
  it.each([
    ['nothing', ''],
    ['only other keys', specification.reply],
    ['a forged signature', forged],
    ['a signature of another checkpoint', elsewhere],
    ['a good one and a forged one', `${own}${forged}`],
    ['a plain signature', signatureLine(witness, pair.sign, text)],
    ['no newline at its end', own.slice(0, -1)],
    ['a blank line', `${own}\n`],
    ['text before a blank line', `more\n\n${own}`],
    ['another line', `${own}hello\n`],
  ])('that is %s is refused', async (_name, reply) => {
    await expect(readCosignature(text, reply, witness, ed25519Verify)).rejects.toThrow(/./);
  });

  it('goes under the checkpoint once', async () => {
    const note = addSignatureLines(specification.checkpoint, [own]);
    expect(note).toBe(`${specification.checkpoint}${own}`);
    expect(addSignatureLines(note, [own, own])).toBe(note);
    await expect(verifyNote(note, [witness], ed25519Verify)).resolves.toMatchObject({ text });
    expect(() => addSignatureLines(note, ['hello\n'])).toThrow(FormatError);
    expect(() => addSignatureLines(note, [`${own}${forged}`])).toThrow(FormatError);
    expect(formatNote(text, [own])).not.toBe(note);
  });
});
