import { COSIGNATURE_V1, cosignatureLine, formatCheckpoint, formatNote, formatVkey, noteKey } from '#merkle';
import { countWitnesses, formatPolicy, formatWitnesses, nodeCrypto, witnessPolicy } from './index.js';
import { derived, SampleLog, signingKey } from './testing/sample-log.js';

const log = new SampleLog();
const text = formatCheckpoint({ origin: log.origin, size: 5, root: derived('root'), extensions: [] });
const parties = ['a', 'b', 'c'].map((name) => {
  const pair = signingKey(derived(`witness ${name}`));
  const key = noteKey(nodeCrypto.sha256, `witness.example/${name}`, pair.publicKey, COSIGNATURE_V1);
  return { key, vkey: formatVkey(key), line: (time: number) => cosignatureLine(key, pair.sign, text, time), pair };
});
const [a, b, c] = parties as [(typeof parties)[0], (typeof parties)[0], (typeof parties)[0]];
const policy = witnessPolicy(nodeCrypto, [a.vkey, b.vkey, c.vkey], 2);
const logNote = log.signed(5, derived('root'));
const note = (...lines: string[]) => `${logNote}${lines.join('')}`;

describe('witnesses of a policy', () => {
  it('are counted, in the order of the policy, with their times', async () => {
    const count = await countWitnesses(nodeCrypto, note(c.line(1_764_150_000), a.line(1_764_140_000)), policy);
    expect(count).toEqual({
      count: 2,
      met: true,
      names: ['witness.example/a', 'witness.example/c'],
      times: [1_764_140_000, 1_764_150_000],
    });
    expect(formatWitnesses(count, policy)).toBe(
      '2 of 3 witnesses (2 required): witness.example/a at 2025-11-26T06:53:20.000Z, witness.example/c at 2025-11-26T09:40:00.000Z',
    );
  });

  it('count once, however often one signs', async () => {
    const count = await countWitnesses(nodeCrypto, note(a.line(1), a.line(1), a.line(2)), policy);
    expect(count).toMatchObject({ count: 1, met: false, names: ['witness.example/a'] });
  });

  it('are nobody under a checkpoint of the log alone', async () => {
    const count = await countWitnesses(nodeCrypto, logNote, policy);
    expect(count).toMatchObject({ count: 0, met: false });
    expect(formatWitnesses(count, policy)).toBe('0 of 3 witnesses (2 required)');
    expect(await countWitnesses(nodeCrypto, logNote, witnessPolicy(nodeCrypto, [], 0))).toMatchObject({ met: true });
  });

  it('are not those that the policy does not name', async () => {
    const only = witnessPolicy(nodeCrypto, [a.vkey], 1);
    expect(await countWitnesses(nodeCrypto, note(b.line(1), c.line(1)), only)).toMatchObject({ count: 0 });
    const renamed = noteKey(nodeCrypto.sha256, 'witness.example/x', a.key.publicKey, COSIGNATURE_V1);
    const line = cosignatureLine(renamed, a.pair.sign, text, 1);
    expect(await countWitnesses(nodeCrypto, note(line), only)).toMatchObject({ count: 0 });
  });

  it('reject the note with one signature that is wrong', async () => {
    const forged = cosignatureLine(a.key, b.pair.sign, text, 1);
    await expect(countWitnesses(nodeCrypto, note(b.line(1), c.line(1), forged), policy)).rejects.toThrow(
      'the signature of witness.example/a is wrong',
    );
    const other = formatNote(text.replace('5', '6'), [a.line(1)]);
    await expect(countWitnesses(nodeCrypto, other, policy)).rejects.toThrow('is wrong');
  });

  it('say a time that no calendar holds as it is', async () => {
    const count = await countWitnesses(nodeCrypto, note(a.line(2 ** 52)), policy);
    expect(formatWitnesses(count, policy)).toContain('4503599627370496 s after 1970');
  });
});

describe('a policy', () => {
  it('is what it was made of', () => {
    expect(formatPolicy(policy)).toEqual({ witnesses: [a.vkey, b.vkey, c.vkey], threshold: 2 });
  });

  it.each<[string, string[], number]>([
    ['a witness twice', [a.vkey, a.vkey], 1],
    [
      'one key under two names',
      [a.vkey, formatVkey(noteKey(nodeCrypto.sha256, 'w', a.key.publicKey, COSIGNATURE_V1))],
      1,
    ],
    ['two keys under one name', [a.vkey, formatVkey(noteKey(nodeCrypto.sha256, a.key.name, b.key.publicKey, 4))], 1],
    ['the key of a log', [log.vkey], 1],
    ['no key', ['a+b'], 1],
    ['more than there are', [a.vkey], 2],
    ['a negative number', [a.vkey], -1],
    ['half a witness', [a.vkey], 0.5],
  ])('is refused with %s', (_name, vkeys, threshold) => {
    expect(() => witnessPolicy(nodeCrypto, vkeys, threshold)).toThrow(/./);
  });
});
