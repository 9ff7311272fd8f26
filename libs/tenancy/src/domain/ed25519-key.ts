/**
 * Public keys under which signatures prove nothing: points of low order, for which a signature can be made without a private
 * key, and texts that are no point's only form. Order 1, 2, 4 and 8, with either sign, by the y coordinate; anything from the
 * field's prime on is a second form of a smaller number.
 */
const LOW_ORDER_Y = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000001',
  '7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec',
  '05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826',
  '7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7',
].map((hex) => BigInt(`0x${hex}`));

const PRIME = 2n ** 255n - 19n;
const SIGN_BIT = 1n << 255n;

/** @param key 32 bytes, little-endian, the sign in the highest bit */
export function isWeakEd25519Key(key: Uint8Array): boolean {
  const encoded = BigInt(`0x${Buffer.from(key).reverse().toString('hex')}`);
  const y = encoded & ~SIGN_BIT;
  return y >= PRIME || LOW_ORDER_Y.includes(y);
}
