import type { FieldError } from '#kernel';

const KEY_BYTES = 32;
/** The field prime of Curve25519 (RFC 7748). */
const P = 2n ** 255n - 19n;

/**
 * u-coordinates of points whose order divides 8 (https://cr.yp.to/ecdh.html, "How do I validate Curve25519 public keys?"):
 * with one of them as its peer every private key gives the same shared secret, zero.
 */
const LOW_ORDER: readonly bigint[] = [
  0n,
  1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  P - 1n,
];

/**
 * What is wrong with the text of a WireGuard public key, or null when it is one: the canonical base64 of 32 bytes that are
 * a Curve25519 public key as `wg pubkey` prints it. One key has one text, so that keys can be compared as text.
 */
export function wireguardKeyProblem(text: string): Omit<FieldError, 'pointer'> | null {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== KEY_BYTES || bytes.toString('base64') !== text) {
    return {
      rule: 'wireguard-key.base64',
      message: 'it is not 32 bytes in canonical base64',
      fix: 'send the 44 characters that "wg pubkey" prints',
    };
  }
  const value = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  if (value >= P) {
    return {
      rule: 'wireguard-key.canonical',
      message: 'it is not the canonical form of a Curve25519 public key',
      fix: 'make a new pair with "wg genkey" and send what "wg pubkey" prints for it',
    };
  }
  if (LOW_ORDER.includes(value)) {
    return {
      rule: 'wireguard-key.low-order',
      message: 'it is a point of low order, with which nothing would be secret',
      fix: 'make a new pair with "wg genkey" and send what "wg pubkey" prints for it',
    };
  }
  return null;
}
