import { type Hash128, murmurHash128 } from './murmur-hash.js';

const ENCODER = new TextEncoder();
const HASH_BYTES = 16;
/** Few enough nodes exist that their hashes are kept; the bound only guards against a caller with endless ids. */
const MAX_KEPT = 65_536;
const kept = new Map<string, Hash128>();

/**
 * The score of a node for a stripe in weighted rendezvous hashing: `ln(u) / weight`, at most 0; the greatest wins. u is
 * uniform in (0, 1] and depends on the two ids alone, so `-ln(u) / weight` is exponentially distributed with the weight as
 * its rate: a node comes first with probability weight / sum of weights, and a change of one node's weight moves shards to
 * or from that node and between no others (Schindelhauer and Schomaker 2005; Resch 2015).
 *
 * `u = (h + 1) / 2^53`, with h the 53 high bits of `MurmurHash3_x86_128(H(stripe) || H(node))` over both ids' own hashes in
 * little-endian words. Assignments are stored, so another machine's last bit of a logarithm never moves a shard.
 */
export class StripeScores {
  readonly #message = new Uint8Array(2 * HASH_BYTES);
  readonly #view = new DataView(this.#message.buffer);

  constructor(stripeId: string) {
    this.#write(murmurHash128(ENCODER.encode(stripeId)), 0);
  }

  of(nodeId: string, weight: number): number {
    this.#write(hashOfNode(nodeId), HASH_BYTES);
    const [high, low] = murmurHash128(this.#message);
    const uniform = (high * 2 ** 21 + (low >>> 11) + 1) / 2 ** 53;
    return Math.log(uniform) / weight;
  }

  #write(hash: Hash128, at: number): void {
    hash.forEach((word, index) => {
      this.#view.setUint32(at + index * 4, word, true);
    });
  }
}

function hashOfNode(nodeId: string): Hash128 {
  let hash = kept.get(nodeId);
  if (!hash) {
    hash = murmurHash128(ENCODER.encode(nodeId));
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(nodeId, hash);
  }
  return hash;
}
