import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { wireguardKeyProblem } from './vpn-wireguard-key.js';

const SPKI_X25519 = Buffer.from('302a300506032b656e032100', 'hex');
const own = generateKeyPairSync('x25519').privateKey;

/** OpenSSL as the oracle: it refuses a peer with whom the shared secret is zero. */
function opensslAccepts(key: Uint8Array): boolean {
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI_X25519, key]), format: 'der', type: 'spki' });
  try {
    diffieHellman({ privateKey: own, publicKey });
    return true;
  } catch {
    return false;
  }
}

function littleEndian(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
}

const P = 2n ** 255n - 19n;

describe('the public key of WireGuard', () => {
  it('takes every key that is generated', () => {
    for (let round = 0; round < 50; round += 1) {
      const key = generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
      expect(wireguardKeyProblem(key.toString('base64'))).toBeNull();
    }
  });

  it('takes what wg pubkey prints for the first key of RFC 7748, 6.1', () => {
    const key = Buffer.from('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a', 'hex');
    expect(wireguardKeyProblem(key.toString('base64'))).toBeNull();
  });

  it.each([
    ['nothing', ''],
    ['31 bytes', Buffer.alloc(31, 7).toString('base64')],
    ['33 bytes', Buffer.alloc(33, 7).toString('base64')],
    ['no padding', Buffer.alloc(32, 7).toString('base64').slice(0, -1)],
    ['a set bit after the last byte', `${Buffer.alloc(32, 7).toString('base64').slice(0, -2)}d=`],
    ['the alphabet of addresses', Buffer.alloc(32, 0xfb).toString('base64url')],
    ['a line end', `${Buffer.alloc(32, 7).toString('base64')}\n`],
    ['a line end inside', `${'A'.repeat(20)}\n${'A'.repeat(22)}B=`],
    ['hexadecimal', Buffer.alloc(32, 7).toString('hex')],
  ])('refuses %s', (_name, text) => {
    expect(wireguardKeyProblem(text)?.rule).toBe('wireguard-key.base64');
  });

  it('refuses exactly the points with which OpenSSL finds no secret, in whatever form', () => {
    const numbers = [0n, 1n, P - 1n, P, P + 1n];
    const order8 = [
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
      '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    ].map((hex) => Buffer.from(hex, 'hex'));
    for (const key of [...numbers.map(littleEndian), ...order8]) {
      expect(opensslAccepts(key)).toBe(false);
      expect(wireguardKeyProblem(key.toString('base64'))).not.toBeNull();
    }
    for (const number of [2n, 3n, 9n, P - 2n]) {
      expect(opensslAccepts(littleEndian(number))).toBe(true);
      expect(wireguardKeyProblem(littleEndian(number).toString('base64'))).toBeNull();
    }
  });

  it('has one text for one key: the same point with other bits is refused', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n, max: P - 2n }), (number) => {
        const canonical = littleEndian(number);
        const highBit = Buffer.from(canonical);
        highBit[31]! |= 0x80;
        expect(wireguardKeyProblem(highBit.toString('base64'))?.rule).toBe('wireguard-key.canonical');
      }),
    );
  });
});
