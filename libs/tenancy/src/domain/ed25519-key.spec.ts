import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { isWeakEd25519Key } from './ed25519-key.js';

const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** OpenSSL as the oracle: whether a signature made of nothing holds under the key for some message. */
function signsForAnybody(key: Buffer): boolean {
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI, key]), format: 'der', type: 'spki' });
  // R is the neutral element and s is 0: holds when the challenge takes the key to the neutral element, one time in its order.
  const signature = Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]);
  return Array.from({ length: 200 }, (_, at) => verify(null, Buffer.from(`message ${at}`), publicKey, signature)).some(
    Boolean,
  );
}

const LOW_ORDER = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
];

it.each(LOW_ORDER)('%s signs for anybody, and is weak', (hex) => {
  const key = Buffer.from(hex, 'hex');
  expect([signsForAnybody(key), isWeakEd25519Key(key)]).toEqual([true, true]);
});

it.each([
  ['the prime itself, a second zero', 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
  ['a second one', 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
  ['with the sign of zero', 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'],
  ['the largest number', 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
])('%s is weak', (_what, hex) => {
  expect(isWeakEd25519Key(Buffer.from(hex, 'hex'))).toBe(true);
});

it('a key that somebody made is not', () => {
  for (let at = 0; at < 50; at++) {
    const { publicKey } = generateKeyPairSync('ed25519');
    const key = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    expect([signsForAnybody(key), isWeakEd25519Key(key)]).toEqual([false, false]);
  }
});
