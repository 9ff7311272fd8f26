import type { AnchorRecord } from '#proof';

/** The anchors that are final on the chain, each of a published checkpoint. */
export abstract class AnchorDirectory {
  /** The smallest anchored head with more than `index` entries, or null while none covers that leaf. */
  abstract covering(index: number): Promise<AnchorRecord | null>;
  /** The newest `limit` anchors of heads with at most `size` entries, by size. */
  abstract upTo(size: number, limit: number): Promise<AnchorRecord[]>;
}
