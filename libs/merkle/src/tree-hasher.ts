import { FormatError } from './bytes.js';

export const HASH_BYTES = 32;

/** SHA-256 of some bytes. Must not keep its argument: the caller uses the buffer again. */
export type Sha256 = (data: Uint8Array) => Uint8Array;

/**
 * The two hashes of an RFC 6962 tree (section 2.1): `SHA-256(0x00 || entry)` for a leaf, `SHA-256(0x01 || left || right)`
 * for an inner node. The prefixes are what keeps a node from being presented as an entry.
 */
export class TreeHasher {
  /** The root of the tree with no leaves: SHA-256 of nothing. */
  readonly emptyRoot: Uint8Array;
  readonly #node = new Uint8Array(1 + 2 * HASH_BYTES);
  readonly #leaf = new Uint8Array(1024);

  /** The hash function is handed in, because browsers and Node have different ones. */
  constructor(readonly sha256: Sha256) {
    this.#node[0] = 0x01;
    this.emptyRoot = sha256(new Uint8Array(0));
  }

  leaf(entry: Uint8Array): Uint8Array {
    const length = 1 + entry.length;
    const prefixed = length > this.#leaf.length ? new Uint8Array(length) : new Uint8Array(this.#leaf.buffer, 0, length);
    prefixed[0] = 0x00;
    prefixed.set(entry, 1);
    return this.sha256(prefixed);
  }

  /** @throws FormatError when a child is not 32 bytes: another length would move bytes between the children unseen */
  node(left: Uint8Array, right: Uint8Array): Uint8Array {
    if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) throw new FormatError('a hash is not 32 bytes');
    this.#node.set(left, 1);
    this.#node.set(right, 1 + HASH_BYTES);
    return this.sha256(this.#node);
  }
}
