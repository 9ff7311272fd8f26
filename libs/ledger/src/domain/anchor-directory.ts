import type { AnchorPromise, AnchorProof, AnchorRecord } from '#proof';

/** The anchors that are final on the chain, each of a published checkpoint. */
export abstract class AnchorDirectory {
  /** The smallest anchored head with more than `index` entries, or null while none covers that leaf. */
  abstract covering(index: number): Promise<AnchorRecord | null>;
  /** The newest `limit` anchors of heads with at most `size` entries, by size. */
  abstract upTo(size: number, limit: number): Promise<AnchorRecord[]>;
  /** What proves these anchors offline, in their order; null for one that has no proof. */
  abstract proofsOf(anchors: readonly AnchorRecord[]): Promise<(AnchorProof | null)[]>;
  /** The promise for exactly the head of `size` entries, or null. */
  abstract promiseOf(size: number): Promise<AnchorPromise | null>;
  /** The smallest promised head with more than `index` entries, or null. */
  abstract promiseCovering(index: number): Promise<AnchorPromise | null>;
}
